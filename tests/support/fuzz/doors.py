"""Every door of the station by its name, as `scripts/fuzz` knows them."""

from collections.abc import Mapping

from support.fuzz.chips import LightsSocket, ReaderBus
from support.fuzz.control import ControlSocket
from support.fuzz.files import ConfigFile
from support.fuzz.run import Open
from support.fuzz.simulator import SimulatorApi, StationPage
from support.fuzz.station import Commands, Events
from support.fuzz.supplier import SupplierHttp

DOORS: Mapping[str, Open] = {
    "config": ConfigFile,
    "supplier": SupplierHttp,
    "inbox": Events,
    "commands": Commands,
    "control": ControlSocket,
    "sim-api": SimulatorApi,
    "page": StationPage,
    "lights": LightsSocket,
    "spi": ReaderBus,
}

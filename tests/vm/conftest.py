"""A virtual machine with a kernel's GPIO chip and the station installed; broker and supplier around it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from support.bundles import make_bundle
from support.machine import mounted
from support.mqtt import Listener, Mosquitto
from support.virtual import GUEST, HOST, Virtual, debian_with_a_kernel, image_of, inside
from support.vm_site import CONFIG, LOCK, SENSOR, Site

from agent.simulator.supplier import Books
from agent.simulator.supplier_server import SupplierServer

INSTALL = "/srv/station/scripts/install"


@pytest.fixture(autouse=True)
def no_thread_left_behind() -> None:
    """The supplier around the machine serves it over all tests."""


@pytest.fixture(scope="session")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Listener, str]]:
    """A broker and a supplier, with what the station's config says of them."""
    with ExitStack() as life:
        broker = Mosquitto(tmp_path_factory.mktemp("broker"))
        life.callback(broker.kill)
        broker.start()
        supplier = SupplierServer(Books([1]), "127.0.0.1:0")
        life.callback(supplier.stop)
        supplier.start()
        listener = life.enter_context(Listener(broker.port))
        url = supplier.url.replace("127.0.0.1", HOST)
        yield listener, CONFIG.format(supplier=url, host=HOST, port=broker.port, lock=LOCK, sensor=SENSOR)


@pytest.fixture(scope="session")
def site(around: tuple[Listener, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A Debian with the station installed from a bundle; its files before it boots, the rest in the machine."""
    listener, config = around
    folder = tmp_path_factory.mktemp("machine")
    kernel, image = debian_with_a_kernel("bookworm"), folder / "disk"
    make_bundle("bookworm", folder / "station.tar")
    with mounted(kernel, folder) as root:
        shutil.copytree(GUEST, root, dirs_exist_ok=True)
        (root / "srv" / "station.toml").write_text(config)
        (root / "srv" / "station").mkdir()
        subprocess.run(
            ["tar", "-xf", folder / "station.tar", "-C", root / "srv" / "station", "--strip-components=1"], check=True
        )
        sys.stdout.write(inside(root, INSTALL, "--config", "/srv/station.toml"))
        image_of(root, image)
    with Virtual(kernel, image, folder) as machine:
        sys.stdout.write(machine.run(INSTALL))
        yield Site(machine, listener)

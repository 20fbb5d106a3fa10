"""Which errors a user can mend: they end a command with their sentence; all others are bugs and show a traceback."""

from agent.broker.mail import BrokerError
from agent.config import ConfigError
from agent.control import ControlError
from agent.folders import FolderError
from agent.journal import JournalError
from hardware.parts import HardwareError


class Failed(Exception):
    """A command could not do its work; the message says what to do."""


class WrongUsage(Exception):
    """A command was called wrongly; the message says what would be right."""


USAGE = (ConfigError, WrongUsage)
EXPECTED = (ConfigError, WrongUsage, ControlError, FolderError, JournalError, BrokerError, HardwareError, Failed)

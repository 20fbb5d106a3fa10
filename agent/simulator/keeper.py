"""`station-agent simulate`: the world, the supplier, the broker and the JSON API in this process, the agent in another.

A kill of the agent is real: the world goes on, and starts it again. World and supplier write themselves down at each
change, so that a kill of everything loses nothing.
"""

import os
import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import tomli_w

from agent.clock import Clock
from agent.config import ConfigError, load
from agent.config.places import WORLD
from agent.config.settings import Config
from agent.control import ask_once
from agent.http.feed import Feed
from agent.http.local import local_only
from agent.http.server import Manners, Server, try_address
from agent.simulator.agent_process import AgentProcess
from agent.simulator.api import Api
from agent.simulator.broker import SimulatedBroker
from agent.simulator.folder import AGENT, BOOKS, BROKER, CONFIG, TAPPING, WORLD_FILE, opened
from agent.simulator.follower import Follower, await_agent
from agent.simulator.hands import Hands, Switch
from agent.simulator.stage import Slowly, Stage
from agent.simulator.supplier import Books
from agent.simulator.supplier_server import SupplierServer
from agent.simulator.telling import Telling
from agent.simulator.terminal import Terminal
from agent.web.about import about
from agent.web.files import Files
from agent.web.headers import HEADERS
from agent.web.routes import Views, page_routes
from hardware.emulated.world import World
from hardware.emulated.world_server import WorldServer
from hardware.lights import segments_of

SUPPLIER_FAULTS = ("supplier-down", "supplier-slow", "supplier-errors", "supplier-lost-answers", "pay-refused")
LOOPBACK = "127.0.0.1"
FREE_PORT = f"{LOOPBACK}:0"
SUPPLIER_TOLD_S = 0.25
RUNTIME = "run"
"""Where the agent's control socket is: where `station-agent status` looks without `$RUNTIME_DIRECTORY`."""
REPLACED = ("supplier", "mqtt")
"""Tables of which nothing but these keys is kept: the simulated supplier and broker have no keys and no passwords."""
KEPT = frozenset({"request_timeout_s", "driver_wait_s", "remote_cards"})


def simulate(config_file: Path, listen: str, state: Path, stop: threading.Event, *, fresh: bool) -> None:
    """Run a whole station until `stop` is set. Raises ConfigError, FolderError and the errors of what it starts."""
    config = load_simulated(config_file)
    try_address(listen)
    feed = Feed()
    telling = Telling(feed)
    with ExitStack() as life:
        life.enter_context(opened(state, fresh=fresh))
        broker = SimulatedBroker(state / BROKER, config.mqtt.port)
        life.callback(broker.stop)
        broker.start()
        books = Books([slot.number for slot in config.wiring.slots], path=state / BOOKS)
        supplier = SupplierServer(books, FREE_PORT)
        life.callback(supplier.stop)
        supplier.start()
        stage = Stage(feed, segments_of(config.wiring), Clock())
        write_config(config_file, state, supplier.url, broker)
        runtime = state / AGENT / RUNTIME
        agent = AgentProcess(state / CONFIG, runtime, telling.logged, telling.said, lived=stage.agent_lived)
        world = World(config.wiring, state / WORLD_FILE)
        named = switches(supplier, broker, agent)
        hands = Hands(world, named, telling.said, state / TAPPING, stage.switched)
        stage.switched(hands.faults)
        life.callback(hands.close)
        life.enter_context(WorldServer(world, state / AGENT / WORLD))
        stage.world_changed(world.snapshot())
        life.callback(world.subscribe(stage.world_changed))
        life.callback(books.subscribe(telling.called))
        life.enter_context(told_slowly(books, feed))
        api = Api(hands, books, world, delay=supplier.answer_after, kill=agent.kill)
        server = page_server(config, runtime, feed, api, listen)
        life.callback(server.stop)
        server.start()
        life.callback(feed.close)
        follower = Follower(runtime, stage.agent_told, stage.agent_answers)
        follower.start()
        life.callback(follower.stop)
        telling.said(f"the world is process {os.getpid()} and remembers itself in {state}")
        agent.start()
        life.callback(agent.stop)
        if await_agent(runtime, stop):
            terminal = Terminal(hands, telling.said, stop.set)
            life.callback(terminal.stop)
            terminal.start(sys.__stdin__.fileno() if sys.__stdin__ else -1)
            sys.stdout.write(f"ready http://{server.address} mqtt://{LOOPBACK}:{broker.port}\n")
            sys.stdout.flush()
            telling.said("type help for what you can do, Ctrl-C to end")
            stop.wait()
        telling.said("the simulation ends")


def page_server(config: Config, runtime: Path, feed: Feed, api: Api, listen: str) -> Server:
    """Serves the page, and the hands to touch this station with, to this machine only."""
    state = partial(ask_once, runtime, "status")
    views = Views(about=about(config, simulated=True), state=state, feed=feed, files=Files())
    routes = [local_only(route) for route in page_routes(views) + api.routes()]
    return Server(routes, listen, "api", Manners(headers=HEADERS))


@contextmanager
def told_slowly(books: Books, feed: Feed) -> Iterator[None]:
    """The supplier's books are told, at most every `SUPPLIER_TOLD_S` seconds, while the `with` block lasts."""
    teller = Slowly(lambda: feed.publish("supplier", books.view(), keep=True), SUPPLIER_TOLD_S)
    books.changed = teller.changed
    teller.start()
    try:
        yield
    finally:
        teller.stop()


def load_simulated(config_file: Path) -> Config:
    """The config, if it is one of a simulated station; its supplier may be left out. Raises ConfigError."""
    config = load(config_file, {"supplier": {"url": f"http://{LOOPBACK}"}})
    if config.wiring.kind != "simulated":
        mistake = f'hardware.kind = "{config.wiring.kind}": should be "simulated"; simulate moves no real lock'
        raise ConfigError(str(config_file), (mistake,))
    return config


def write_config(config_file: Path, state: Path, url: str, broker: SimulatedBroker) -> None:
    """The agent's config: the given one, with what is only known now put in. Raises ConfigError if that does not do."""
    wanted = tomllib.loads(config_file.read_text(encoding="utf-8"))
    for name in REPLACED:
        wanted[name] = {key: value for key, value in wanted.get(name, {}).items() if key in KEPT}
    wanted["station"]["state_dir"] = str(state / AGENT)
    wanted["supplier"]["url"] = url
    wanted["mqtt"].update(host=LOOPBACK, port=broker.port, protocol=broker.protocol)
    (state / CONFIG).write_text(tomli_w.dumps(wanted), encoding="utf-8")
    load(state / CONFIG)  # the agent would refuse it again and again


def switches(supplier: SupplierServer, broker: SimulatedBroker, agent: AgentProcess) -> Mapping[str, Switch]:
    """The faults beyond the world's own."""
    named: dict[str, Switch] = {name: supplier_switch(supplier, name) for name in SUPPLIER_FAULTS}
    named["broker-down"] = lambda on: broker.down() if on else broker.up()
    named["disk-full"] = agent.fill_disk
    return named


def supplier_switch(supplier: SupplierServer, name: str) -> Switch:
    """Breaks or mends the supplier."""
    return lambda on: supplier.inject(name) if on else supplier.clear(name)

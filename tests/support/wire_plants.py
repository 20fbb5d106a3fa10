"""Faults to plant in the lines to supplier and broker; see plants.py."""

from support.plant import Plant

SUPPLIER = "tests/agent/tls/test_supplier.py"
BROKER = "tests/agent/tls/test_broker.py"
EXAMPLE = "tests/agent/broker/test_example_broker.py"
WIRE_PLANTS = (
    Plant(
        "nobody checks the other side's name",
        "agent/tls/__init__.py",
        "        context.minimum_version = ssl.TLSVersion.TLSv1_2\n        return context\n",
        "        context.minimum_version = ssl.TLSVersion.TLSv1_2\n        context.check_hostname = False\n"
        "        return context\n",
        f"{SUPPLIER} {BROKER}",
    ),
    Plant(
        "old certificates are used for ever",
        "agent/tls/__init__.py",
        "or marks != self._marks:\n                self._context = None\n                self._context = self._made()",
        ":\n                self._context = self._made()",
        SUPPLIER,
    ),
    Plant(
        "the context that checks no dates is used for calls",
        "agent/tls/handshake.py",
        "        return _shaken(context, plain, host, shake)\n",
        "        return _shaken(tls.dateless(), plain, host, shake)\n",
        SUPPLIER,
    ),
    Plant(
        "calls go on over connections under old certificates",
        "agent/supplier/exchange.py",
        "            self._context = context\n        self._kept.close()\n",
        "            self._context = context\n",
        SUPPLIER,
    ),
    Plant(
        "an alert behind a broken write is not read",
        "agent/tls/handshake.py",
        "            self._read_alert()\n",
        "",
        SUPPLIER,
    ),
    Plant(
        "the broker's connection outlives its password",
        "agent/broker/__init__.py",
        "        if self._files.marks() == self._marks:\n",
        "        if True:\n",
        BROKER,
    ),
    Plant(
        "a broker that refuses a certificate is not understood",
        "agent/broker/link.py",
        'said = f"the connection ended ({why(line.broke)})"',
        'said = f"the connection ended ({reason})"',
        BROKER,
    ),
    Plant(
        "what is no secret is repeated",
        "agent/secret_files.py",
        'must hold UTF-8 text") from None',
        'must hold UTF-8 text, not {line!r}") from None',
        "tests/agent/test_secrets.py tests/agent/test_secret_files.py",
    ),
    Plant(
        "a station may command itself",
        "config/mosquitto/stations.acl",
        "pattern read stations/%u/commands/#",
        "pattern readwrite stations/%u/commands/#",
        EXAMPLE,
    ),
    Plant(
        "a station may write anywhere below the stations",
        "config/mosquitto/stations.acl",
        "pattern write stations/%u/status",
        "topic write stations/+/status",
        EXAMPLE,
    ),
    Plant(
        "strangers may connect as operators",
        "config/mosquitto/station-broker.conf",
        "allow_anonymous false\npassword_file /etc/mosquitto/stations/operators.passwords\n",
        "allow_anonymous true\npassword_file /etc/mosquitto/stations/operators.passwords\n",
        EXAMPLE,
    ),
    Plant(
        "one station takes another's session",
        "config/mosquitto/station-broker.conf",
        "use_username_as_clientid true\n",
        "",
        EXAMPLE,
    ),
)

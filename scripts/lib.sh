# shellcheck shell=sh
# Shared by scripts/run and scripts/test, which source it from the top of the clone.

python=${PYTHON:-python3}
venv=.venv # the virtualenv that is made and used; a script may name another one
export LC_ALL=C.UTF-8
[ -d "${TMPDIR:-/tmp}" ] || unset TMPDIR # a TMPDIR from outside a container may not exist in it

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# Prints the Debian packages that are missing to build the virtualenv, one a line.
missing_to_build() {
    "$python" - <<'EOF'
import importlib.util, pathlib, shutil, subprocess, sysconfig

if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
    print("python3-venv")
if not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists():
    print("python3-dev")
if not shutil.which("gcc"):
    print("gcc\nlibc6-dev")
elif subprocess.run(["gcc", "-E", "-"], input=b"#include <stdlib.h>\n", capture_output=True).returncode:
    print("libc6-dev")
EOF
}

# missing_commands COMMAND[:PACKAGE]...: prints the Debian packages of those that are not there; most are called like
# their package.
missing_commands() {
    for command in "$@"; do
        # Debian keeps daemons in /usr/sbin, which is not on every user's PATH
        PATH=$PATH:/usr/sbin command -v "${command%%:*}" >/dev/null || echo "${command##*:}"
    done
}

# get_packages NAME...: installs Debian packages as root; anybody else is told how, in one line.
get_packages() {
    [ $# -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        fail "missing, get it with: sudo apt-get install --no-install-recommends $*"
    fi
    echo "installing Debian packages: $*" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq install --yes --no-install-recommends "$@" >/dev/null
}

check_python() {
    command -v "$python" >/dev/null || fail "there is no $python, get it with: sudo apt-get install python3"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "this needs Python 3.11 or newer, set PYTHON to one"
}

# with_pytest PYTHON...: prints the first of them that has pytest and the station's drivers.
with_pytest() {
    for one in "$@"; do
        [ -n "$one" ] || continue
        if "$one" -c 'import pytest, msgspec, gpiozero' 2>/dev/null; then
            echo "$one"
            return
        fi
    done
    fail "no Python with pytest beside the station's drivers, get it with: sudo /opt/station-agent/current/bin/pip install pytest"
}

# Compiled modules stay beside the virtualenv, as they do in an installed station: without them each start of an agent
# compiles all of it anew.
keep_bytecode() {
    unset PYTHONDONTWRITEBYTECODE
    export PYTHONPYCACHEPREFIX="$PWD/$venv/bytecode"
}

# python_here: "Python 3.11 on aarch64", what wheels are made for.
python_here() {
    "$python" - <<'EOF'
import platform, sys

machine = platform.machine()
if sys.maxsize < 2**32 and machine == "aarch64":
    machine = "armv7l"  # a 32-bit system under a 64-bit kernel, as Raspberry Pi OS has it
print(f"Python {sys.version_info.major}.{sys.version_info.minor} on {machine}")
EOF
}

# checksum EXTRA: what the virtualenv depends on, as one word. The same whether it is active or not.
checksum() {
    {
        pwd
        "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
        cat setup.cfg pyproject.toml requirements/build.txt "requirements/$1.txt"
        [ "$1" != test ] || cat requirements/axe.txt
    } | sha256sum | cut -d ' ' -f 1
}

# is_fresh EXTRA: the virtualenv holds what requirements/EXTRA.txt and setup.cfg say now.
is_fresh() {
    [ -f "$venv/$1.sum" ] && [ "$(cat "$venv/$1.sum")" = "$(checksum "$1")" ]
}

install() {
    "$venv/bin/python" -m pip --disable-pip-version-check --no-input --quiet install "$@"
}

# make_venv EXTRA: installs requirements/EXTRA.txt and this clone into the virtualenv, made anew.
make_venv() {
    echo "making $venv, once; this takes a minute" >&2
    # a stale build/ would install again what has been removed
    rm -rf "$venv" build ./*.egg-info
    "$python" -m venv "$venv"
    install --require-hashes --requirement requirements/build.txt
    # the build tools just pinned compile the drivers, instead of whatever is newest today
    install --require-hashes --no-build-isolation --requirement "requirements/$1.txt"
    [ "$1" != test ] || install --require-hashes --no-deps --requirement requirements/axe.txt
    install --no-deps --no-build-isolation --editable .
    checksum "$1" >"$venv/$1.sum"
}

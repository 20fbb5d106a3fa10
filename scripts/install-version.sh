# shellcheck shell=sh
# shellcheck disable=SC2154 # names of scripts/station.sh, scripts/lib.sh and scripts/install
# The first steps of scripts/install: what the version needs, and the version itself in a folder of its own.

# check_bundle: every file is as it was packed, none is there beside them, and the wheels are for this machine.
check_bundle() {
    sha256sum --quiet --check SHA256SUMS >&2 || fail "the bundle is damaged: copy it again"
    find . -type f ! -path ./SHA256SUMS | sort >"$work/there"
    sed 's/^[0-9a-f]*  //' SHA256SUMS | sort >"$work/listed"
    cmp -s "$work/there" "$work/listed" || fail "the bundle has files that its SHA256SUMS does not list: get it anew"
    here=$(python_here)
    [ "$(cat wheels/FOR)" = "$here" ] || fail "the bundle is for $(cat wheels/FOR), this is $here: make one for it"
}

# lgpio_is_debians: there is no wheel of lgpio for Python 3.13 and newer.
lgpio_is_debians() {
    ! "$python" -c 'import sys; sys.exit(sys.version_info >= (3, 13))'
}

# compiles: whether something has to be compiled here; a bundle holds what was compiled elsewhere.
compiles() {
    [ ! -d wheels ] || ls wheels/*.tar.gz >/dev/null 2>&1
}

missing_packages() {
    if compiles; then
        missing_to_build
    else
        missing_to_build | grep -x python3-venv || true
    fi
    if needed gpio && lgpio_is_debians; then
        dpkg-query --show --showformat='${db:Status-Status}' python3-lgpio 2>/dev/null | grep -qx installed ||
            echo python3-lgpio
    fi
}

get_debian_packages() {
    missing=$(missing_packages | sort -u | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086 # one word a package
    step "get from Debian: $missing" get_packages $missing
}

make_account() {
    for group in gpio spi "$account"; do
        getent group "$group" >/dev/null || step "make the group $group" make_group "$group"
    done
    getent passwd "$account" >/dev/null || step "make the user $account" make_user
    for group in gpio spi; do
        id -nG "$account" 2>/dev/null | tr ' ' '\n' | grep -qx "$group" ||
            step "put $account into the group $group" usermod --append --groups "$group" "$account"
    done
}

remember() {
    mkdir -p "$opt"
    echo "$1" >>"$made"
}

make_group() {
    groupadd --system "$1"
    remember "group $1"
}

make_user() {
    useradd --system --gid "$account" --home-dir "$journal" --no-create-home --shell /usr/sbin/nologin "$account"
    remember "user $account"
}

# source_sum: what is installed, as one word.
source_sum() {
    {
        "$python" -c 'import sys; print(sys.version, sys.executable)'
        grep -x gpio "$work/needs" || true # decides whether Debian's lgpio is seen
        find agent hardware config requirements setup.cfg pyproject.toml wheels -type f ! -name '*.pyc' 2>/dev/null |
            sort | xargs sha256sum
    } | sha256sum | cut -d ' ' -f 1
}

# make_version: names the version's folder, and makes it unless it is there and whole.
make_version() {
    version=$(sed -n 's/^VERSION = "\(.*\)"$/\1/p' agent/version.py)
    sum=$(source_sum)
    place=$opt/$version
    # the folder of an agent that may be running is not touched: the same version with another content gets its own
    if [ -f "$place/installed" ] && [ "$(cat "$place/installed")" != "$sum" ]; then
        place=$place+$(echo "$sum" | cut -c 1-8)
    fi
    if [ -f "$place/installed" ] && runs; then
        return 0
    fi
    step "install version $version in $place; this takes a minute" fill_version
}

# runs: whether the version in its folder can be started at all.
runs() {
    "$place/bin/station-agent" --version >"$work/said" 2>&1
}

pip_install() {
    "$place/bin/python" -m pip --disable-pip-version-check --no-input --quiet install --ignore-installed \
        --require-hashes "$@"
}

fill_version() {
    rm -rf "$place"
    mkdir -p "$opt"
    if needed gpio && lgpio_is_debians; then
        "$python" -m venv --system-site-packages "$place"
    else
        "$python" -m venv "$place"
    fi
    if [ -d wheels ]; then
        if compiles; then
            pip_install --no-index --find-links wheels --requirement requirements/build.txt
        fi
        pip_install --no-index --find-links wheels --no-build-isolation --requirement wheels/requirements.txt
    else
        pip_install --requirement requirements/build.txt
        pip_install --no-build-isolation --requirement requirements/pi.txt
        # a copy, so that nothing is left in the clone
        mkdir "$work/source"
        cp -R agent hardware config setup.cfg pyproject.toml README.md LICENSE "$work/source"
        "$place/bin/python" -m pip --disable-pip-version-check --no-input --quiet install --no-deps --no-build-isolation \
            "$work/source"
    fi
    runs || fail "version $version does not even start, so nothing was changed: $(tail -n 1 "$work/said")"
    # a power cut may not leave a version that seems whole
    sync --file-system "$place"
    echo "$sum" >"$place/installed"
}

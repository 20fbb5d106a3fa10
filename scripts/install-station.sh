# shellcheck shell=sh
# shellcheck disable=SC2154 # names of scripts/station.sh, scripts/lib.sh and scripts/install
# The second half of scripts/install: the config, everything outside the version's folder, and the start.

READY_S=60

# mark_changed: an agent that runs has to start again, whoever ends this installer before it does.
mark_changed() {
    [ -n "$dry" ] || : >"$changed"
}

# write FILE SENTENCE: standard input is the text that should stand there.
write() {
    text=$(cat)
    echo "$1" >>"$work/written"
    [ -z "$upgrading" ] || lay_out "$1" "$text"
    stands "$1" "$text" || change "$2" put "$1" "$text"
}

stands() { # stands FILE TEXT
    [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]
}

put() {
    mkdir -p "$(dirname "$1")"
    printf '%s\n' "$2" | replace "$1"
}

# change SENTENCE COMMAND...: outside the version's folder; in an upgrade it is done between the two versions.
change() {
    if [ -n "$upgrading" ]; then
        say "with $(basename "$place"): $1"
    else
        mark_changed
        step "$@"
    fi
}

ask() { # ask QUESTION DEFAULT: prints the answer
    printf '%s [%s]: ' "$1" "$2" >&2
    read -r answer || fail "nobody answers: give the config with --config FILE"
    echo "${answer:-$2}"
}

# asked_config: config/station.toml with what only its owner knows.
asked_config() {
    id=$(ask "Station id" "$(uname -n | tr -c 'A-Za-z0-9._\n-' -)")
    url=$(ask "The supplier's URL" "https://ev-power-supplier.com/api/v2")
    host=$(ask "The broker's host" "127.0.0.1")
    STATION_ID=$id SUPPLIER_URL=$url BROKER_HOST=$host "$python" - config/station.toml <<'END'
import json, os, re, sys

text = open(sys.argv[1], encoding="utf-8").read()
values = {"id": os.environ["STATION_ID"], "url": os.environ["SUPPLIER_URL"], "host": os.environ["BROKER_HOST"]}
if values["host"] not in ("localhost", "127.0.0.1", "::1"):
    # the example's broker is on the same machine; to another one cards and password go by TLS only
    values.update(port=8883, tls=True)
for key, value in values.items():
    line = f"{key} = {json.dumps(value)}"
    text = re.sub(rf'^{key} = (?:"[^"]*"|\w+)', lambda found: line, text, count=1, flags=re.MULTILINE)
sys.stdout.write(text)
END
}

# choose_config: the config that is there, or the given one, or an asked one. A wrong one stops here, before anything is
# changed. Leaves what it asks of the machine in $work/needs.
choose_config() {
    candidate=$config
    if [ -f "$config" ]; then
        [ -z "$given" ] || say "$config is there and stays as it is; $given is not used"
    elif [ -n "$given" ]; then
        candidate=$given
    elif [ -n "$dry" ]; then
        say "would ask for the station's id, its supplier's URL and its broker's host"
        candidate=config/station.toml
    elif [ -t 0 ]; then
        asked_config >"$work/station.toml"
        candidate=$work/station.toml
    else
        fail "there is no $config: give the station's config with --config FILE (config/station.toml is an example)"
    fi
    # reading a config takes Python alone, so this version's own reader does it before it is installed
    PYTHONDONTWRITEBYTECODE=1 "$python" -m agent.needs "$candidate" >"$work/needs" ||
        fail "the config cannot be used, and nothing was changed: mend it and run this again"
}

write_config() {
    [ -d "$credentials" ] || step "make $credentials for the files supplier-token and mqtt-password" make_etc
    if [ -n "$(find "$credentials" -type f ! -perm 0600 2>/dev/null)" ]; then
        step "let nobody but root read $credentials" find "$credentials" -type f -exec chmod 0600 {} +
    fi
    if [ ! -f "$config" ]; then
        mark_changed
        step "write $config" install_config "$candidate"
    fi
    # a config that came from another machine belongs to nobody here
    if [ "$(stat -c %G "$etc" "$config" 2>/dev/null | sort -u)" != "$account" ]; then
        step "let $account read $config" let_read "$etc" "$config"
    fi
}

let_read() {
    chgrp "$account" "$@"
    chmod 0750 "$etc"
    chmod 0640 "$config"
}

make_etc() {
    mkdir -p "$credentials"
    chgrp "$account" "$etc"
    chmod 0750 "$etc"
    chmod 0700 "$credentials"
}

install_config() {
    command install -m 0640 -g "$account" "$1" "$config.new"
    mv "$config.new" "$config"
}

needed() {
    grep -qx "$1" "$work/needs"
}

make_command() {
    if [ "$(readlink "$current" 2>/dev/null)" != "$(basename "$place")" ]; then
        change "let $current be $(basename "$place")" link "$(basename "$place")" "$current"
    fi
    [ "$(readlink "$command" 2>/dev/null)" = "$current/bin/station-agent" ] ||
        step "make the command $command" link "$current/bin/station-agent" "$command"
}

write_units() {
    for file in systemd/*; do
        unit=$units/$(basename "$file")
        write "$unit" "write $unit" <"$file"
    done
}

write_drop_ins() {
    for drop_in in $drop_ins; do
        if needed pwm; then
            printf '[Service]\nProtectKernelTunables=no\n' | write "$drop_in" "let the unit write in /sys/class/pwm: $drop_in"
        fi
    done
}

write_udev_rule() {
    needed lights-device || return 0
    echo 'SUBSYSTEM=="ws2812-pio-rp1", KERNEL=="leds0", GROUP="gpio", MODE="0660"' |
        write "$udev_rule" "give /dev/leds0 to the group gpio: $udev_rule"
    [ -n "$dry$upgrading" ] || reload_udev
}

# remove_what_is_left: what was written before, and is not any more: another version needed it, or another config.
remove_what_is_left() {
    sort "$work/written" >"$work/files"
    if [ -f "$files" ]; then
        comm -23 "$files" "$work/files" >"$work/left"
        while read -r path; do
            [ -z "$upgrading" ] || keep_old "$path"
            change "remove what is not needed any more: $path" rm -f "$path"
        done <"$work/left"
    fi
    write "$files" "list what was written in $files" <"$work/files"
}

# show_boot_settings: what the firmware and systemd have to do from the next boot on; written only with --boot.
show_boot_settings() {
    sed -n 's/^boot //p' "$work/needs" >"$work/boot"
    [ -s "$work/boot" ] || return 0
    file=$(boot_file)
    if [ -z "$file" ]; then
        say "there is no config.txt of a Raspberry Pi's firmware; on one it would need these lines:"
        sed 's/^/    /' "$work/boot"
        return 0
    fi
    without_block "$file" >"$work/config.txt"
    { echo "$boot_begin" && echo '[all]' && cat "$work/boot" && echo "$boot_end"; } >>"$work/config.txt"
    if ! cmp -s "$work/config.txt" "$file"; then
        say "$file needs these lines:"
        sed 's/^/    /' "$work/boot"
        if [ -n "$boot" ]; then
            [ -z "$upgrading" ] || lay_out "$file" "$(cat "$work/config.txt")"
            step "write them to $file; they count after a reboot" write_boot "$file"
        else
            say "write them with scripts/install --boot, and reboot"
        fi
    fi
    [ -z "$boot" ] || feed_watchdog "$(printf '[Manager]\nRuntimeWatchdogSec=14')"
}

feed_watchdog() {
    [ -z "$upgrading" ] || lay_out "$watchdog" "$1"
    stands "$watchdog" "$1" || step "let systemd feed the watchdog: $watchdog" put "$watchdog" "$1"
}

write_boot() {
    replace "$1" <"$work/config.txt"
    : >"$work/reboot"
}

# show_kernel_words: what the kernel's command line has to say from the next boot on; written only with --boot.
show_kernel_words() {
    file=$(boot_file cmdline.txt)
    [ -n "$file" ] || return 0
    sed -n 's/^kernel //p' "$work/needs" | while read -r word; do
        ! grep -qwF "$word" "$file" || continue
        if [ -z "$boot" ]; then
            say "$file needs the word $word: write it with scripts/install --boot, and reboot"
            continue
        fi
        [ -z "$upgrading" ] || lay_out "$file" "$(with_word "$word" "$file")"
        step "write the word $word to $file; it counts after a reboot" write_word "$word" "$file"
    done
}

with_word() { # with_word WORD FILE
    sed "1s/ *\$/ $1/" "$2"
}

write_word() {
    with_word "$1" "$2" >"$work/cmdline.txt"
    replace "$2" <"$work/cmdline.txt"
    echo "kernel $1" >>"$made"
    : >"$work/reboot"
}

start_station() {
    if ! with_systemd; then
        say "systemd does not run this machine: nothing is started"
        return 0
    fi
    started='station-agent.service'
    if needed lights-process; then
        started="station-lights.service $started"
    elif [ -z "$dry$upgrading" ]; then
        systemctl --quiet disable --now station-lights.service 2>/dev/null || true
    fi
    if [ -n "$upgrading" ]; then
        change_version
        return 0
    fi
    if [ -f "$work/reboot" ]; then
        # until then the firmware's lines and chips are not what the config asks for
        step "enable: $started" enable_units
        say "now reboot; the station starts with it, and station-agent check says how it is"
        return 0
    fi
    step "enable and start: $started" start_units
    [ -n "$dry" ] || check_station
}

enable_units() {
    systemctl daemon-reload
    # shellcheck disable=SC2086 # one word a unit
    systemctl --quiet enable $started station-upgrade.service
}

start_units() {
    enable_units
    # one that runs what is written now goes on: a restart keeps every bolt, but costs a driver his second
    verb=start
    [ ! -f "$changed" ] || verb=restart
    # one that fails at first is started again by systemd, so the last word is said below
    # shellcheck disable=SC2086 # one word a unit
    systemctl $verb $started || true
    waited=0
    until [ "$(systemctl is-active station-agent.service)" = active ]; do
        if [ "$waited" -ge "$READY_S" ]; then
            journalctl --unit station-agent.service --lines 20 --no-pager >&2 || true
            fail "the agent did not get ready within $READY_S s: its last words stand above"
        fi
        sleep 1
        waited=$((waited + 1))
    done
    rm -f "$changed"
    say "the agent is ready"
}

check_station() {
    if "$current/bin/station-agent" check --local --config "$config"; then
        say "the station is installed"
    else
        say "the station is installed; mend what failed, then: station-agent check"
    fi
}

# shellcheck shell=sh
# shellcheck disable=SC2034 # what it names is used by whoever sources it
# Shared by scripts/install, scripts/uninstall and scripts/upgrade.sh, which source it after scripts/lib.sh: where an installed
# station lives, and how a step is told and done.

opt=/opt/station-agent
current=$opt/current
previous=$opt/previous # the version before it
changed=$opt/changed   # there while an agent that runs has not read everything that was written
files=$opt/files       # what this version wrote outside /opt, one path a line
upgrade=$opt/upgrade   # a change of version that is under way
upgrade_log=/var/log/station-upgrade.log
made=$opt/made # what the installer made outside its own folders, one a line: "user NAME", "group NAME", "kernel WORD"
etc=/etc/station-agent
config=$etc/station.toml
credentials=$etc/credentials
journal=/var/lib/station-agent
command=/usr/local/bin/station-agent
account=station-agent
units=/etc/systemd/system
drop_ins="$units/station-agent.service.d/pwm.conf $units/station-release.service.d/pwm.conf"
udev_rule=/etc/udev/rules.d/90-station-leds.rules
watchdog=/etc/systemd/system.conf.d/station-agent.conf
boot_begin='# station-agent: begin (written by its installer, removed by its uninstaller)'
boot_end='# station-agent: end'

dry=${dry-}

say() {
    echo "$(basename "$0" .sh): $*"
}

# step SENTENCE COMMAND...: tells what is done, and does it; with --dry-run only tells it.
step() {
    sentence=$1
    shift
    if [ -n "$dry" ]; then
        say "would $sentence"
        return 0
    fi
    say "$sentence"
    "$@"
}

need_root() {
    [ -n "$dry" ] || [ "$(id -u)" -eq 0 ] || fail "this needs root: sudo scripts/$(basename "$0")"
}

# with_systemd: whether systemd runs this machine (sd_booted(3)).
with_systemd() {
    [ -d /run/systemd/system ]
}

# alone: no other installer or uninstaller is at work, until this one ends.
alone() {
    [ -z "$dry" ] || return 0
    exec 9>/run/station-install.lock
    flock --nonblock 9 || fail "another installer or uninstaller is at work: wait until it has ended"
}

# link TARGET PATH: at once, so that there is never none.
link() {
    ln -sf "$1" "$2.new"
    mv -T "$2.new" "$2"
}

reload_udev() {
    command -v udevadm >/dev/null || return 0
    udevadm control --reload || true
    udevadm trigger --subsystem-match=ws2812-pio-rp1 || true
}

# boot_file [NAME]: prints where the firmware's config.txt (or NAME) is; nothing off a Raspberry Pi.
boot_file() {
    for folder in /boot/firmware /boot; do
        if [ -f "$folder/${1-config.txt}" ]; then
            echo "$folder/${1-config.txt}"
            return 0
        fi
    done
}

# without_block FILE: prints the file without the lines that the installer wrote.
without_block() {
    awk -v begin="$boot_begin" -v end="$boot_end" '
        $0 == begin { inside = 1 }
        !inside
        $0 == end { inside = 0 }' "$1"
}

# replace FILE: takes standard input as the whole new text, at once, so that a power cut leaves the old or the new file.
replace() {
    cat >"$1.station-agent"
    sync "$1.station-agent"
    mv "$1.station-agent" "$1"
}

# take_away VERB PATH...: removes what is there of these.
take_away() {
    verb=$1
    shift
    for path in "$@"; do
        if [ -e "$path" ] || [ -L "$path" ]; then
            step "$verb $path" rm -rf "$path"
        fi
    done
}

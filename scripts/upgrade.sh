#!/bin/sh
# Lets another version of the station run, as scripts/install has laid it out in /opt/station-agent/upgrade, and goes back if it is
# not well in time or if this was cut short. station-upgrade.service runs a copy of it there: neither a closed terminal nor a
# power cut leaves the station between two versions.
#
# In that folder: before.version, after.version; before.enabled, after.enabled: units; paths: files outside /opt, which stand below
# before/ and after/ as far as they are there; within: seconds; ailing: the version before fails its check; begun: see above.
set -eu
umask 022
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/station.sh

OLD_READY_S=60
RENEW_S=20 # how often the minute begins anew after which a station without an agent lets its vehicles go
old=$(cat before.version)
new=$(cat after.version)
why=''

now() {
    cut -d . -f 1 /proc/uptime
}

# take SIDE: files, units and the version as they were before, or are to be after. 1 if anything stayed as it is.
take() {
    whole=0
    sort -u before.enabled after.enabled >enabled
    while read -r unit; do
        grep -qx "$unit" "$1.enabled" || systemctl --quiet disable "$unit" || whole=1
    done <enabled
    while read -r path; do
        if [ ! -e "$1$path" ]; then
            rm -f "$path" || whole=1
        elif ! cmp -s "$1$path" "$path"; then
            { mkdir -p "$(dirname "$path")" && replace "$path" <"$1$path"; } || whole=1
        fi
    done <paths
    link "$(cat "$1.version")" "$current" || whole=1
    sync
    systemctl daemon-reload || whole=1
    # shellcheck disable=SC2046 # one word a unit
    systemctl --quiet enable $(cat "$1.enabled") || whole=1
    ! grep -qx "$udev_rule" paths || reload_udev
    return $whole
}

# start SIDE: does not wait for anything.
start() {
    if grep -qx station-lights.service "$1.enabled"; then
        systemctl --no-block restart station-lights.service
    else
        systemctl stop station-lights.service 2>/dev/null || true
    fi
    systemctl --no-block start station-agent.service
}

# run_of_agent: "active ID" while one is ready; each start of it has another ID.
run_of_agent() {
    systemctl show --property=ActiveState,InvocationID --value station-agent.service | tr '\n' ' '
}

is_ready() {
    case $(run_of_agent) in
    active*) return 0 ;;
    esac
    why='did not get ready'
    return 1
}

# is_well: an agent is ready, finds nothing failed, and is the same one afterwards.
is_well() {
    judged=$(run_of_agent)
    is_ready || return 1
    if ! timeout "$left" "$current/bin/station-agent" check --local --config "$config" >checked 2>&1 && [ ! -e ailing ]; then
        why='did not pass station-agent check --local'
        return 1
    fi
    if [ "$(run_of_agent)" != "$judged" ]; then
        why='did not stay ready'
        return 1
    fi
}

# within SECONDS CONDITION: waits for it; 1 and $why if it does not come.
within() {
    begins=$(now)
    renewed=$begins
    while :; do
        left=$((begins + $1 - $(now)))
        [ "$left" -gt 0 ] || return 1
        if "$2"; then
            systemctl stop station-release.timer station-release.service
            return 0
        fi
        if [ $(($(now) - renewed)) -ge "$RENEW_S" ]; then
            renewed=$(now)
            systemctl try-restart station-release.timer
        fi
        sleep 1
    done
}

# finish: nothing is under way any more. Keeps the version that runs and the one before it.
finish() {
    sync
    mv "$upgrade" "$upgrade.done"
    for folder in "$opt"/*/; do
        name=$(basename "$folder")
        case $name in
        current | previous | "$(readlink "$current")" | "$(readlink "$previous" || true)") ;;
        *) rm -rf "${opt:?}/$name" ;;
        esac
    done
}

# go_back WHY: to the version before, and its files.
go_back() {
    say "$new $1: going back to $old"
    cat checked 2>/dev/null || true
    journalctl --unit station-agent.service --lines 100 --no-pager || true
    # a stop may take some seconds, in which the minute must not end
    systemctl try-restart station-release.timer || true
    systemctl stop station-agent.service || true
    if take before; then end="so $old runs again"; else end="and not everything of $old could be put back"; fi
    start before || true
    within "$OLD_READY_S" is_ready || end="$end, but did not get ready: look at each slot"
    finish
    echo "went back: $new $1, $end"
    exit 3
}

if [ -e begun ]; then
    go_back "was cut short before it was known to be well"
fi
: >begun
sync
say "stopping $old between two facts"
systemctl stop station-agent.service
say "keeping a copy of the journal"
runuser -u "$account" -- "$opt/$new/bin/python" -I -m agent.journal_copy "$config" "$new" ||
    go_back "was not started, for the journal could not be copied"
say "starting $new"
take after || go_back "could not be put in place"
start after
if within "$(cat within)" is_well; then
    cat checked
    link "$old" "$previous"
    finish
    say "$new is ready and well"
else
    go_back "$why within $(cat within) s"
fi

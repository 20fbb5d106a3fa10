# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # names of scripts/station.sh, scripts/lib.sh and scripts/install
# Another version than the installed one: scripts/install lays everything out, scripts/upgrade.sh changes from one to the other.

# end_upgrade_before: one that was cut short goes back before anything else is done.
end_upgrade_before() {
    [ -d "$upgrade" ] || return 0
    if [ -f "$upgrade/begun" ] && with_systemd; then
        step "wait for the end of an upgrade that another installer began" run_upgrade || true
    fi
    [ ! -d "$upgrade" ] || step "forget an upgrade that did not begin" rm -rf "$upgrade"
}

# lay_out_upgrade: decides whether this is an upgrade, and begins to lay it out in $work/upgrade.
lay_out_upgrade() {
    old=$(readlink "$current" 2>/dev/null) || return 0
    new=$(basename "$place")
    if [ "$old" = "$new" ] || [ ! -x "$current/bin/station-agent" ] || ! with_systemd; then
        return 0
    fi
    upgrading=yes
    mkdir -p "$work/upgrade/scripts" "$work/upgrade/before" "$work/upgrade/after"
    cp scripts/lib.sh scripts/station.sh scripts/upgrade.sh "$work/upgrade/scripts"
    echo "$old" >"$work/upgrade/before.version"
    echo "$new" >"$work/upgrade/after.version"
    echo "$within" >"$work/upgrade/within"
    for unit in station-agent.service station-lights.service station-upgrade.service; do
        ! systemctl --quiet is-enabled "$unit" 2>/dev/null || echo "$unit"
    done >"$work/upgrade/before.enabled"
}

# keep_old FILE: as it is before the upgrade, to go back to; or that there is none.
keep_old() {
    echo "$1" >>"$work/upgrade/paths"
    [ -e "$1" ] || return 0
    mkdir -p "$(dirname "$work/upgrade/before$1")"
    cp "$1" "$work/upgrade/before$1"
}

lay_out() { # lay_out FILE TEXT
    keep_old "$1"
    put "$work/upgrade/after$1" "$2"
}

# change_version: from here on it goes on without this installer.
change_version() {
    # shellcheck disable=SC2086 # one word a unit
    printf '%s\n' $started station-upgrade.service >"$work/upgrade/after.enabled"
    if [ -z "$dry" ] && ! timeout "$READY_S" "$current/bin/station-agent" check --local --config "$config" >/dev/null 2>&1; then
        say "$old does not pass station-agent check --local either, so $new only has to get ready"
        : >"$work/upgrade/ailing"
    fi
    step "hand over to station-upgrade.service, which goes on even if this ends" hand_over
    if [ -f "$work/reboot" ]; then
        say "now reboot: $new is tried then, and $old comes back if it is not well within $within s; see $upgrade_log"
        return 0
    fi
    step "stop $old between two facts, keep a copy of its journal, start $new; back to $old if it is not well in $within s" \
        run_upgrade || fail "$(went_back); what happened stands in $upgrade_log"
    rm -f "$changed"
    [ -n "$dry" ] || check_station
}

hand_over() {
    rm -rf "$upgrade.new"
    cp -R "$work/upgrade" "$upgrade.new"
    date --iso-8601=seconds >"$upgrade_log"
    put "$units/station-upgrade.service" "$(cat systemd/station-upgrade.service)"
    systemctl daemon-reload
    systemctl --quiet enable station-upgrade.service
    sync
    mv -T "$upgrade.new" "$upgrade"
    sync
}

# run_upgrade: begins it or, begun before, goes back; shows what it says meanwhile. 1 if the station has gone back.
run_upgrade() {
    told=$(wc -l <"$upgrade_log")
    systemctl reset-failed station-upgrade.service 2>/dev/null || true
    rm -f "$work/ended"
    # without the lock of `alone`: it outlives an installer that is killed, and the next one may wait for it
    {
        systemctl start station-upgrade.service 2>/dev/null || true
        : >"$work/ended"
    } 9>&- &
    # activating: it was cut short and is started again
    until [ -f "$work/ended" ] && [ "$(systemctl is-active station-upgrade.service)" != activating ]; do
        sleep 1
        tell_more
    done
    tell_more
    ! systemctl --quiet is-failed station-upgrade.service
}

tell_more() {
    lines=$(wc -l <"$upgrade_log")
    awk -v from="$told" -v to="$lines" 'NR > from && NR <= to && /^upgrade: /' "$upgrade_log"
    told=$lines
}

went_back() {
    sed -n 's/^went back: //p' "$upgrade_log" | tail -n 1
}

"""The installer as far as any machine can run it: what it says without doing it. tests/system/ really installs."""

import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parent.parent / "scripts"
EXAMPLE = SCRIPTS.parent / "config" / "station.toml"


def run(script: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPTS / script, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
        stdin=subprocess.DEVNULL,
    )


def test_a_dry_run_says_what_it_would_do() -> None:
    done = run("install", "--dry-run", "--config", str(EXAMPLE))
    assert done.returncode == 0, done.stderr
    assert "would make the user station-agent" in done.stdout
    assert "dtparam=spi=on" in done.stdout


def test_a_wrong_config_is_told_and_nothing_would_be_done(tmp_path: Path) -> None:
    wrong = tmp_path / "station.toml"
    wrong.write_text("[station]\nid = 7\n")
    done = run("install", "--dry-run", "--config", str(wrong))
    assert done.returncode == 1
    assert "supplier.url" in done.stderr
    assert "would" not in done.stdout


def test_wrong_usage_is_told() -> None:
    for script in ("install", "uninstall", "bundle"):
        done = run(script, "--everything")
        assert (done.returncode, "--everything is not an option" in done.stderr) == (2, True), done.stderr
    assert run("install", "--config").returncode == 2
    for seconds in ("soon", "0", ""):
        done = run("install", "--within", seconds)
        assert (done.returncode, "--within needs a number of seconds" in done.stderr) == (2, True), done.stderr

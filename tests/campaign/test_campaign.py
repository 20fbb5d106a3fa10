"""A short campaign, in the suite: `scripts/campaign --seed 226 --episode 0-2`."""

from pathlib import Path

import pytest
from support.campaign.episode import Episode
from support.campaign.findings import Kind
from support.campaign.patience import SLACK_S
from support.campaign.plan import Plan, Step, station_options
from support.campaign.run import Campaign
from support.campaign.scene import Scene

SEED = 226
EPISODES = range(3)


@pytest.mark.timeout(300)
def test_a_short_campaign_loses_doubles_and_traps_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    campaign = Campaign(SEED, tmp_path, told.append)
    campaign.run(EPISODES)
    assert campaign.tally.findings == [], "\n".join(told)
    assert (campaign.tally.episodes, campaign.tally.sessions > 0) == (len(EPISODES), True)
    assert campaign.tally.summary(60).endswith("lost 0, doubled 0, trapped 0, unwell 0")


def test_a_driver_who_is_kept_in_is_found_while_the_trouble_lasts(tmp_path: Path) -> None:
    steps = (
        Step(0.0, "place", "Ada"),
        Step(0.3, "remove", "Ada"),
        Step(1.0, "begin", "supplier-errors", {"calls": ["end"]}),
        Step(1.5, "place", "Ada"),
        Step(1.8, "remove", "Ada"),
        Step(2.5, "end", "supplier-errors"),
    )
    with Scene(tmp_path / "station", **station_options(1, 0)) as scene:
        scene.patience.wait_s = 0.1 - SLACK_S  # nobody should wait at all
        episode = Episode(scene, Plan(1, 0, steps, "Ben"))
        episode.play()
        assert [finding.kind for finding in episode.findings] == [Kind.TRAPPED]

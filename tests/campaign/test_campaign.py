"""A short campaign, in the suite: `scripts/campaign --seed 226 --episode 0-2`."""

from pathlib import Path

import pytest
from support.campaign.run import Campaign

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

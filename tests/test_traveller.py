"""The day of the rehearsal: who is needed is there, in time, and each code is what its traveller expects."""

import subprocess
import sys
from itertools import pairwise

import pytest

from gate.credential.armor import unarmor
from gate.credential.keys import ControlPointKey
from gate.credential.reasons import Reason
from gate.credential.trust import build_trust, parse_trust_list
from gate.credential.verifier import Moment, Place, Verifier
from gate.lane.policy import Desk, Policy
from gate.lane.replay import Replay
from gate.specimen.cases import CONTROL_POINT, ENVIRONMENT, LANE, REHEARSAL_SEED, SCOPES, Specimen
from gate.specimen.traveller import DAY, MORNING, Traveller

SPECIMEN = Specimen.from_seed(REHEARSAL_SEED)
REPLAYED = next(comer for comer in DAY if comer.reason is Reason.REPLAYED)


def test_everybody_whom_the_rehearsal_needs_is_there() -> None:
    cleared = {(code.device, code.scope) for comer in DAY if comer.walks for code in comer.codes}
    assert cleared == {("p256", "MO-PR"), ("p256", "HK-PR"), ("ed25519", "MO-PR"), ("ed25519", "HK-PR")}
    assert {comer.reason for comer in DAY} == {
        Reason.CLEARED, Reason.STALE, Reason.EXPIRED, Reason.REVOKED, Reason.SUSPENDED, Reason.BAD_SIGNATURE, Reason.UNKNOWN_ISSUER,
        Reason.REPLAYED, Reason.WRONG_PLACE, Reason.NOT_ELIGIBLE, Reason.MALFORMED, Reason.NOT_OURS,
    }  # fmt: skip


def test_only_who_is_cleared_walks() -> None:
    assert all(comer.walks == (comer.outcome == "cleared") == (comer.reason is Reason.CLEARED) for comer in DAY)


def test_folders_sort_as_the_day_goes() -> None:
    names = [comer.name for comer in DAY]
    assert names == sorted(set(names))
    assert names[0] == "01-mo-pr-p256"


def test_travellers_come_one_after_the_other() -> None:
    assert DAY[0].wall == MORNING
    for before, after in pairwise(DAY):
        apart = after.wall - before.wall
        assert apart >= 20 or after is REPLAYED
        assert after.wall > before.wall + before.shot.seconds + 4


def test_the_replayed_code_is_the_one_before_and_still_fresh() -> None:
    before = DAY[DAY.index(REPLAYED) - 1]
    (code,) = REPLAYED.codes
    assert before.reason is Reason.CLEARED
    assert REPLAYED.texts(SPECIMEN) == before.texts(SPECIMEN)
    assert REPLAYED.wall + REPLAYED.shot.seconds - code.made_at < 15


def test_nobody_else_shows_a_code_twice() -> None:
    texts = [text for comer in DAY if comer is not REPLAYED for text in comer.texts(SPECIMEN)]
    assert len(texts) == len(set(texts)) == len(DAY)  # two phones in one frame, and one who replays


def test_a_corrupted_code_is_a_genuine_one_cut_short() -> None:
    (corrupted,) = (code for comer in DAY for code in comer.codes if code.kept is not None)
    whole = SPECIMEN.code(corrupted.case, corrupted.made_at, corrupted.device, corrupted.scope)
    assert whole.startswith(corrupted.text(SPECIMEN))
    assert unarmor(whole).startswith(unarmor(corrupted.text(SPECIMEN)))


@pytest.mark.parametrize("comer", DAY, ids=lambda comer: comer.name)
def test_each_has_a_pose_for_every_moment_of_the_recording(comer: Traveller) -> None:
    assert len(comer.codes) == len(comer.shot.hands)
    times = comer.shot.times
    assert times[0] == 0.0
    assert all(after > before for before, after in pairwise(times))
    for hand in comer.shot.hands:
        moments = [moment for moment, _pose in hand.path]
        assert moments[0] == 0.0
        assert all(after > before for before, after in pairwise(moments))
        assert moments[-1] <= comer.shot.seconds


def test_a_lane_decides_the_day_as_expected() -> None:
    judge, desk = lane()
    for comer in DAY:
        reasons = [decide(judge, desk, text, comer.wall + 0.5) for text in comer.texts(SPECIMEN)]
        assert set(reasons) == {comer.reason}, comer.name


def lane() -> tuple[Verifier, Desk]:
    files = SPECIMEN.trust(MORNING - 3600)
    trust = build_trust(parse_trust_list(files["trust-list.json"]), files)
    point = SPECIMEN.kit.point
    keys = {point.kid: ControlPointKey(point.key, point.public)}
    judge = Verifier(trust, keys, Place(CONTROL_POINT, LANE, ENVIRONMENT))
    return judge, Desk(Policy(frozenset(SCOPES)), Replay(trust.policy.anti_passback, 100, 20))


def decide(judge: Verifier, desk: Desk, text: str, wall: float) -> Reason:
    decision = desk.decide(judge.verify(text, Moment(wall, trusted=True)), wall)
    if decision.cleared and decision.presentation is not None:
        desk.replay.open(decision.presentation, wall)
        desk.replay.commit()
    return decision.reason


def test_the_day_is_read_without_opencv() -> None:
    code = "import sys, gate.specimen.traveller; sys.exit(bool({'cv2', 'numpy', 'zxingcpp'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own words

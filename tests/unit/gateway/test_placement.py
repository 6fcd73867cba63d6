"""Where companies belong: few move when a gateway comes or goes, and they move slowly."""

from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from wamesh.gateway.fleet.placement import Member, PlacementPolicy, home_of, takes, to_hand_over

POLICY = PlacementPolicy(settle=timedelta(seconds=15), share=0.1, abandoned_after=timedelta(seconds=15))
LONG, SHORT, NONE = timedelta(hours=1), timedelta(seconds=1), timedelta()
NODES = st.sets(st.text("abcdef0123456789", min_size=1, max_size=8), min_size=1, max_size=8)
COMPANIES = st.integers(1, 2**63 - 1)


def member(node: str, age: timedelta = LONG) -> Member:
    """A gateway that has been there for so long."""
    return Member(node, f"{node}:50051", age)


@given(COMPANIES, NODES)
def test_every_gateway_names_the_same_home(company_id: int, nodes: set[str]) -> None:
    """The order in which members are known does not matter, and the home is one of them."""
    home = home_of(company_id, sorted(nodes))
    assert home_of(company_id, sorted(nodes, reverse=True)) == home
    assert home in nodes


@given(COMPANIES, NODES, st.text("ghijkl", min_size=1, max_size=8))
def test_a_newcomer_moves_companies_to_itself_only(company_id: int, nodes: set[str], newcomer: str) -> None:
    """A company either stays where it is at home or moves to the gateway that joined."""
    assert home_of(company_id, nodes | {newcomer}) in {home_of(company_id, nodes), newcomer}


@given(COMPANIES, NODES, st.data())
def test_a_leaver_moves_its_own_companies_only(company_id: int, nodes: set[str], data: st.DataObject) -> None:
    """Nobody else's company changes its home."""
    leaver = data.draw(st.sampled_from(sorted(nodes)))
    home = home_of(company_id, nodes)
    assert home == leaver or home_of(company_id, nodes - {leaver}) == home


def test_companies_spread_evenly() -> None:
    """Of 9,000 companies each of three gateways is the home of 3,000, give or take 5 %."""
    homes = Counter(home_of(company_id, ("a", "b", "c")) for company_id in range(1, 9001))
    assert all(2850 <= number <= 3150 for number in homes.values()), homes


def test_nobody_is_at_home_where_there_is_no_gateway() -> None:
    """No members, no home."""
    assert home_of(7, ()) == ""


def test_the_home_takes_what_nobody_holds() -> None:
    """At once; the others leave it alone for as long as its home may be on its way."""
    members = [member("a"), member("b")]
    home = home_of(7, ("a", "b"))
    other = "b" if home == "a" else "a"
    assert takes(7, home, members, NONE, POLICY)
    assert not takes(7, other, members, SHORT, POLICY)


def test_anybody_takes_what_its_home_does_not() -> None:
    """A company that nobody has held for long is not lost, though its home seems to be alive."""
    members = [member("a"), member("b")]
    assert all(takes(7, here, members, POLICY.abandoned_after, POLICY) for here in ("a", "b"))


def test_a_gateway_that_nobody_knows_yet_counts_itself() -> None:
    """Before its first word reaches the database, and when that was too long ago."""
    assert takes(7, "a", [], NONE, POLICY)


def test_handing_over_is_gradual() -> None:
    """One step hands over a tenth of what is held here, each to its home, the lowest ids first."""
    held = range(1, 101)
    leaving = to_hand_over(held, "a", [member("a"), member("b")], POLICY)
    assert leaving == [each for each in held if home_of(each, ("a", "b")) == "b"][:10]


def test_one_company_at_least_is_handed_over() -> None:
    """A tenth of three companies is one, not none."""
    held = [each for each in range(1, 100) if home_of(each, ("a", "b")) == "b"][:3]
    assert to_hand_over(held, "a", [member("a"), member("b")], POLICY) == held[:1]


def test_nothing_is_handed_over_to_a_newcomer() -> None:
    """A gateway that restarts again and again would move companies each time."""
    assert to_hand_over(range(1, 101), "a", [member("a"), member("b", SHORT)], POLICY) == []


def test_nothing_is_handed_over_by_one_alone() -> None:
    """It is the home of all."""
    assert to_hand_over(range(1, 101), "a", [member("a")], POLICY) == []

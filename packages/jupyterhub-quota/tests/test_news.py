"""What is new, from the ends of sessions: of which sessions that is all there is to know."""

from dataclasses import dataclass, field, replace

from jupyterhub_quota.ledger.news import news
from jupyterhub_quota.ledger.pods import Found, Pod
from jupyterhub_quota.session import Request, Session

NOON = 1_000_000.0
ANN = Session("hub/1", "ann", "", NOON - 3600, NOON - 60, Request(1.0), alive=True, pod="jupyter-ann")


@dataclass
class Asker:
    """Wants to hear of *users* and knows *sessions*."""

    users: set[str] = field(default_factory=lambda: {"ann"})
    sessions: list[Session] = field(default_factory=lambda: [ANN])

    def wants(self, user):
        """See `Asker.wants`."""
        return user in self.users

    def last(self, user, session):
        """See `Asker.last`."""
        return next((each for each in self.sessions if (each.user, each.id) == (user, session)), None)


def told(end=NOON, id_="hub/1", user="ann", resized=(), asker=None):
    """Return what is new where one pod ended, or was last seen, at *end*."""
    found = Found(pods={user: {id_: Pod(id_, end=end)}})
    return news(found, resized, NOON - 300, NOON, asker or Asker())


def test_what_is_known_goes_on():
    """Nothing else of it is read."""
    assert ([replace(ANN, end=NOON)], set()) == told()


def test_what_is_known_has_ended():
    """It was seen before the others were."""
    assert ([replace(ANN, end=NOON - 30, alive=False)], set()) == told(NOON - 30)


def test_what_is_not_known_is_read():
    """All of it."""
    assert ([], {"hub/2"}) == told(id_="hub/2")


def test_what_was_resized_is_read():
    """Its parts are more than an end."""
    assert ([], {"hub/1"}) == told(resized={"1"})


def test_what_was_read_while_it_was_recorded_is_read_again():
    """A pod has a name, and most have requests; the series of a pod are not written at one moment."""
    for half in (replace(ANN, pod=""), replace(ANN, request=Request())):
        assert ([], {"hub/1"}) == told(asker=Asker(sessions=[half]))


def test_what_ended_before_its_last_size_began_is_read():
    """A pod that was resized, and then said that it was done before."""
    assert ([], {"hub/1"}) == told(asker=Asker(sessions=[replace(ANN, start=NOON + 1)]))


def test_what_ended_long_ago_is_not_new():
    """The object of a pod that is done may stay for days."""
    assert ([], set()) == told(NOON - 300)


def test_strangers_are_of_no_interest():
    """Nobody asked about them."""
    assert ([], set()) == told(user="bob")

"""Any sequence of records and withdrawals leaves exactly what a dictionary would hold."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.training.strips import make_strip
from training.preferences.records import Filter, Opinion
from training.preferences.rows import pictures
from training.preferences.store import PreferenceStore

STRIPS = [make_strip(number, 2) for number in range(3)]
PERSONS = ("me", "Zoë")
OF_CANDIDATE = st.builds(
    Opinion, st.sampled_from(["up", "down", "accept"]), st.sampled_from([0, 1])
)
RATINGS = st.builds(
    lambda seed, rating, reasons: Opinion("rating", seed, rating=rating, reasons=reasons),
    st.sampled_from([0, 1]),
    st.tuples(*[st.integers(1, 7)] * 3),
    st.lists(st.text("abcé 🖌", min_size=1, max_size=5), max_size=2).map(tuple),
)
ORDERS = st.permutations([0, 1]).map(lambda seeds: Opinion("order", order=tuple(seeds)))
OF_STRIP = st.sampled_from([Opinion("none"), Opinion("skip", reasons=("too dark",))])
OPINIONS = OF_CANDIDATE | RATINGS | ORDERS | OF_STRIP

Key = tuple[int, int | None, str, str]
"""Strip, seed, kind and person: of what there is one opinion."""


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = PreferenceStore(Path(self.folder.name))
        self.model: dict[Key, tuple[int, Opinion]] = {}
        self.highest = 0

    @rule(number=st.sampled_from(range(3)), opinion=OPINIONS, person=st.sampled_from(PERSONS))
    def record(self, number: int, opinion: Opinion, person: str) -> None:
        said = Opinion(
            opinion.signal, opinion.seed, opinion.order, opinion.rating, opinion.reasons, person
        )
        kind = "thumb" if said.signal in ("up", "down") else said.signal
        key = (number, said.seed, kind, person)
        record_id = self.store.record(STRIPS[number], said)
        if key in self.model:
            assert record_id == self.model[key][0]
        else:
            assert record_id > self.highest  # an id never comes back
            self.highest = record_id
        self.model[key] = (record_id, said)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model, key=repr)))
        self.store.withdraw(self.model.pop(key)[0])

    @rule()
    def withdraw_what_is_not_there(self) -> None:
        self.store.withdraw(self.highest + 1)

    @precondition(lambda self: self.model)
    @rule(number=st.sampled_from(range(3)))
    def delete_photo(self, number: int) -> None:
        gone = [key for key in self.model if key[0] == number]
        assert self.store.delete_photo(STRIPS[number].photo_sha256) == len(gone)
        for key in gone:
            del self.model[key]

    @rule()
    def delete_all(self) -> None:
        assert self.store.delete_all() == len(self.model)
        self.model.clear()

    @rule()
    def start_again(self) -> None:
        self.store.close()
        self.store = PreferenceStore(Path(self.folder.name))

    @invariant()
    def the_store_holds_what_the_dictionary_holds(self) -> None:
        strips = [self.store.read(key) for key in self.store.presentation_ids()]
        held = {
            (strip.presentation.photo_sha256, one.record_id, one.opinion)
            for strip in strips
            for one in strip.opinions
        }
        assert held == {
            (STRIPS[key[0]].photo_sha256, record_id, opinion)
            for key, (record_id, opinion) in self.model.items()
        }
        assert len(strips) == len({key[0] for key in self.model})

    @invariant()
    def the_counts_are_right(self) -> None:
        statistics = self.store.statistics()
        said = Counter(opinion.signal for _, opinion in self.model.values())
        assert (statistics.ups, statistics.downs, statistics.accepts) == (
            said["up"],
            said["down"],
            said["accept"],
        )
        assert (statistics.orders, statistics.nones, statistics.ratings, statistics.skips) == (
            said["order"],
            said["none"],
            said["rating"],
            said["skip"],
        )
        strips = {key[0] for key in self.model}
        assert (statistics.presentations, statistics.photos) == (len(strips), len(strips))
        assert statistics.candidates == 2 * len(strips)
        firsts = [one for _, one in self.model.values() if (one.signal, one.seed) == ("accept", 0)]
        assert statistics.accepts_of_first == len(firsts)
        assert (statistics.first is None) == (not self.model)
        assert self.store.persons() == sorted({key[3] for key in self.model})

    @invariant()
    def the_filters_agree(self) -> None:
        for person in PERSONS:
            strips = {key[0] for key in self.model if key[3] == person}
            assert len(self.store.presentation_ids(Filter(persons=(person,)))) == len(strips)
            judged = self.store.judged_strips(person, "builtin")
            assert sum(len(strip.opinions) for strip in judged) == len(
                [key for key in self.model if key[3] == person]
            )

    @invariant()
    def the_pictures_are_those_of_the_strips(self) -> None:
        wanted = {sha256 for key in self.model for sha256 in pictures(STRIPS[key[0]])}
        images = Path(self.folder.name) / "images"
        assert {path.name for path in images.rglob("*") if path.is_file()} == {
            f"{sha256}.png" for sha256 in wanted
        }

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)

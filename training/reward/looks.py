"""What was seen in looks at a prompt's pictures, and how far several looks agree."""

from collections import Counter
from collections.abc import Sequence

Tiers = tuple[tuple[int, ...], ...]
"""One look: the pictures' indices, best first. Between two tiers the order is clear; within one it
is close."""


def looks_of(entry: Sequence[Sequence[Sequence[int]]]) -> tuple[Tiers, ...]:
    """Looks as JSON holds them."""
    return tuple(tuple(tuple(tier) for tier in look) for look in entry)


def tier_pairs(tiers: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """(better, worse) of every two indices that lie in different tiers."""
    return [
        (better, worse)
        for number, tier in enumerate(tiers)
        for later in tiers[number + 1 :]
        for better in tier
        for worse in later
    ]


def clear_pairs(looks: Sequence[Tiers]) -> list[tuple[int, int]]:
    """(better, worse) recipe indices of every pair that most looks called clear, and none the other
    way round."""
    counts = _counts(looks)
    return [
        (better, worse)
        for (better, worse), count in counts.items()
        if 2 * count > len(looks) and not counts[worse, better]
    ]


def order_leads(looks: Sequence[Tiers]) -> dict[tuple[int, int], float]:
    """(better, worse) of what more looks called clear than the other way round, and the lead: the
    share of looks that say so less the share that says the contrary, 0-1."""
    counts = _counts(looks)
    leads = {
        (better, worse): (count - counts[worse, better]) / len(looks)
        for (better, worse), count in counts.items()
    }
    return {pair: lead for pair, lead in leads.items() if lead > 0}


def _counts(looks: Sequence[Tiers]) -> Counter[tuple[int, int]]:
    """How many looks called each (better, worse) clear."""
    return Counter(pair for look in looks for pair in tier_pairs(look))

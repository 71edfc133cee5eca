"""How words and bands decide together: words give way where the bands contradict them, as far as these do."""

import torch
from jaxtyping import Float
from torch import Tensor

SUREST = 1.0
"""Largest log-odds of words that bands contradict: less than those of bands, since words take dark fields for water."""
_HEARD = 3.0  # log-odds by which bands must contradict the words to be heard in full


def join_shares(
    shares: Float[Tensor, "channel rows cols"], odds: Float[Tensor, "channel rows cols"]
) -> Float[Tensor, "channel rows cols"]:
    """The probabilities of competing classes by words, with the log-odds of the bands; NaN stays NaN.

    Without contradiction this is Bayes' rule. Where the bands favour what the words hold to be less likely than
    `SUREST` allows, that is first raised towards this limit, the more the clearer the bands are. Classes of which the
    bands say the same keep their ratio, and where the bands say the same of all, nothing changes.
    """
    gain = ((odds - (shares * odds).sum(0)) / _HEARD).clamp(0, 1)
    favoured = (shares * gain).sum(0) / gain.amax(0).clamp_min(1e-6)  # what words give to what bands favour
    lift = (-SUREST - favoured.logit(1e-6)).clamp_min(0)
    joined = shares * (odds + gain * lift).exp()
    return joined / joined.sum(0)


def join_odds(shares: Float[Tensor, "part rows cols"], odds: Float[Tensor, "rows cols"]) -> Float[Tensor, "rows cols"]:
    """As `join_shares` for one name, words of the background that mean the same cover, and the rest.

    The bands say the same of the first two: near infrared tells plants from streets, and not trees from grass.
    """
    return join_shares(shares, torch.stack([odds, odds, torch.zeros_like(odds)]))[0]


def join_channels(
    shares: Float[Tensor, "part rows cols"], odds: Float[Tensor, "channel rows cols"]
) -> Float[Tensor, "channel rows cols"]:
    """As `join_shares`; one class and the background give the shares of `join_odds`, of which two are background."""
    if len(shares) == len(odds):
        return join_shares(shares, odds)
    own = join_odds(shares, odds[0])
    return torch.stack([own, 1 - own])

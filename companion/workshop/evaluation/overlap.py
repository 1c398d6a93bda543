"""Text overlap: how close replies are to the ones that people wrote, in the words of both.

BLEU and chrF are sacreBLEU's (Post 2018, arXiv:1804.08771; Popović 2015), ROUGE is rouge-score's (Lin 2004), METEOR is
nltk's (Banerjee and Lavie 2005), each called reply by reply; BLEU and chrF are sums of counts, the others are means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from companion.core.report import Metric, Section
from companion.workshop.evaluation.family import Reply, Situation
from companion.workshop.evaluation.units import by_dialogue, metric

KEY: Final = "overlap"
TITLE: Final = "Closeness to what people wrote"
NO_REFERENCES: Final = "No dialogue has a reply that a person wrote. Choose dialogues with replies of “assistant”."
ROUGE: Final = {
    "rouge1": ("ROUGE-1", "How many single words the reply and the written one share."),
    "rouge2": ("ROUGE-2", "How many pairs of neighbouring words they share."),
    "rougeL": ("ROUGE-L", "How long a row of words stands in both in the same order."),
    "rougeLsum": ("ROUGE-Lsum", "The same line by line, for replies of several lines."),
}
METEOR_ALPHA, METEOR_BETA, METEOR_GAMMA = 0.9, 3.0, 0.5


class _NoWordNet:
    """Stands for WordNet where it is not installed: no word has a synonym."""

    def synsets(self, word: str) -> list[Any]:
        return []


class Meteor(NamedTuple):
    """METEOR of one reply. `synonyms` says whether WordNet is installed; without it words match exactly or by their stem."""

    score: Callable[[str, str], float]
    synonyms: bool


def measure(situation: Situation) -> Section:
    """Over the replies whose dialogue holds one that a person wrote; the others are left out."""
    pairs = [reply for reply in situation.replies if reply.prompt.reference.strip()]
    if not pairs:
        return Section(key=KEY, title=TITLE, state="skipped", why=NO_REFERENCES)
    stemmer, meteor_score = situation.recipe.overlap.stemmer, meteor()
    bleu_metric, signature = bleu(pairs)
    situation.tell(0.3)
    metrics = [bleu_metric, chrf(pairs)]
    metrics += rouge(pairs, stemmer=stemmer)
    situation.tell(0.7)
    metrics += [_mean(pairs, "meteor", "METEOR", [_meteor_of(meteor_score, reply) for reply in pairs], METEOR), _exact(pairs)]
    notes = [
        f"BLEU’s signature is {signature}.",
        f"ROUGE compares {'stems of words (Porter)' if stemmer else 'words as they are written'} and is the F-score.",
        "ROUGE counts Latin letters without accents and digits only: in other scripts it says nothing.",
        "METEOR takes alpha 0.9, beta 3 and gamma 0.5, with words cut as in the Penn Treebank.",
        "There are many good replies to the same words: low overlap alone does not make a reply bad.",
    ]
    if not meteor_score.synonyms:
        notes.append("METEOR matched words and stems only: nltk’s WordNet, by which it knows synonyms, is not installed.")
    if left := len(situation.replies) - len(pairs):
        notes.append(f"{left} of {len(situation.replies)} replies have nothing to be compared with and are left out.")
    return Section(key=KEY, title=TITLE, explained=EXPLAINED, metrics=tuple(metrics), notes=tuple(notes))


EXPLAINED: Final = "How much her replies have in common with those that people wrote at the same place."
METEOR: Final = "Shared words, stems and synonyms, less where their order differs."


def bleu(pairs: Sequence[Reply]) -> tuple[Metric, str]:
    """BLEU from 0 to 100, and sacreBLEU's signature."""
    from sacrebleu.metrics.bleu import BLEU

    scorer = BLEU()
    vectors = [_statistics(scorer, reply) for reply in pairs]
    signature = scorer.get_signature().format().partition("|version:")[0]
    return _measured(pairs, vectors, "bleu", "BLEU", "Shared runs of one to four words, as translations are judged."), signature


def chrf(pairs: Sequence[Reply]) -> Metric:
    """chrF2 from 0 to 100."""
    from sacrebleu.metrics.chrf import CHRF

    scorer = CHRF()
    vectors = [_statistics(scorer, reply) for reply in pairs]
    return _measured(
        pairs, vectors, "chrf", "chrF", "Shared runs of one to six letters, which forgives endings of words.", headline=True
    )


def _statistics(scorer: Any, reply: Reply) -> list[float]:
    """sacreBLEU's own counts of one sentence, which it sums over a corpus."""
    found = scorer._extract_corpus_statistics([reply.text], [[reply.prompt.reference]])
    return list(map(float, found[0]))


def _measured(pairs: Sequence[Reply], vectors: Any, kind: Any, title: str, explained: str, *, headline: bool = False) -> Metric:
    items = by_dialogue([reply.prompt for reply in pairs], vectors, kind)
    key = f"{KEY}.{kind}"
    return metric(key, title, items, why=NO_REFERENCES, unit="of 100", better="higher", explained=explained, headline=headline)


def rouge(pairs: Sequence[Reply], *, stemmer: bool) -> list[Metric]:
    """Mean F-scores from 0 to 1."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(ROUGE), use_stemmer=stemmer)
    scores = [scorer.score(reply.prompt.reference, reply.text) for reply in pairs]
    return [
        _mean(pairs, name.lower(), title, [float(score[name].fmeasure) for score in scores], explained)
        for name, (title, explained) in ROUGE.items()
    ]


def meteor() -> Meteor:
    """nltk's METEOR, with WordNet when it is installed; nothing is downloaded."""
    from nltk.corpus import wordnet
    from nltk.tokenize.destructive import NLTKWordTokenizer
    from nltk.translate.meteor_score import single_meteor_score

    synonyms: Any = wordnet
    try:
        wordnet.ensure_loaded()
    except (LookupError, OSError):
        synonyms = _NoWordNet()
    cut = NLTKWordTokenizer().tokenize

    def score(reference: str, reply: str) -> float:
        return float(
            single_meteor_score(
                cut(reference), cut(reply), wordnet=synonyms, alpha=METEOR_ALPHA, beta=METEOR_BETA, gamma=METEOR_GAMMA
            )
        )

    return Meteor(score, synonyms is wordnet)


def _meteor_of(found: Meteor, reply: Reply) -> float:
    return found.score(reply.prompt.reference, reply.text) if reply.text.strip() else 0.0


def _exact(pairs: Sequence[Reply]) -> Metric:
    same = [float(_plain(reply.text) == _plain(reply.prompt.reference)) for reply in pairs]
    return _mean(pairs, "exact", "Exact match", same, "Replies that are the written one, word for word and mark for mark.")


def _plain(text: str) -> str:
    """With one kind of space; letters and marks count as they are."""
    return " ".join(text.split())


def _mean(pairs: Sequence[Reply], name: str, title: str, scores: Sequence[float], explained: str) -> Metric:
    items = by_dialogue([reply.prompt for reply in pairs], [(score, 1.0) for score in scores])
    return metric(f"{KEY}.{name}", title, items, why=NO_REFERENCES, unit="share", better="higher", explained=explained)

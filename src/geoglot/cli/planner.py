"""The flags of a language model that plans the answers of questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

if TYPE_CHECKING:
    from geoglot.aliases import Progress
    from geoglot.tasks.ask.plan import Planner


@dataclass(frozen=True)
class PlannerFlags:
    """Which planner reads questions."""

    planner: Annotated[Literal["rules", "llm"], "Read questions by rules, or with a language model (llm)."] = "rules"
    llm_url: Annotated[
        str | None, "Base URL of an OpenAI-compatible server. Default: GEOGLOT_LLM_URL; the key is GEOGLOT_LLM_KEY."
    ] = None
    llm_model: Annotated[
        str | None, "Model of that server, or a folder or .gguf file on this disk. Default: GEOGLOT_LLM_MODEL."
    ] = None


def open_planner(flags: PlannerFlags, device: str | None, advance: Progress | None) -> Planner | None:
    """The language model that plans, if there is to be one."""
    if flags.planner != "llm":
        return None
    from geoglot.tasks.ask.chat import chat_of
    from geoglot.tasks.ask.llm import LanguageModel

    return LanguageModel(chat_of(flags.llm_url, flags.llm_model, device=device, progress=advance))

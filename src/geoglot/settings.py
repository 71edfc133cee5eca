"""Settings from environment variables: device, threads, cache folder, keys of services. No other code reads them."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from geoglot.errors import InputError

#: The largest numbers that are understood: beyond them the libraries below end the process
_MOST = {"GEOGLOT_THREADS": 1024, "GEOGLOT_RASTER_CACHE_MB": 2**20, "GEOGLOT_LLM_SECONDS": 10**6,
         "GEOGLOT_READ_SECONDS": 10**6, "GEOGLOT_READ_MB": 2**20, "GEOGLOT_ASK_SECONDS": 10**6,
         "GEOGLOT_SERVE_MB": 2**20, "GEOGLOT_SERVE_SECONDS": 10**6, "GEOGLOT_SERVE_UPLOAD_MB": 2**20}  # fmt: skip


Precision = Literal["auto", "float32", "bfloat16", "int8"]


def _default_cache() -> Path:
    return _folder("XDG_CACHE_HOME", Path.home() / ".cache") / "geoglot"


def _default_concepts() -> Path:
    return _folder("XDG_DATA_HOME", Path.home() / ".local" / "share") / "geoglot" / "concepts"


def _folder(name: str, default: Path) -> Path:
    """The folder that a variable names; ~ is the home, since no shell may have read it. An empty one names none."""
    text = os.environ.get(name, "").strip()
    return Path(os.path.expanduser(text)) if text else default  # noqa: PTH111  Path's raises for an unknown user


@dataclass(frozen=True)
class Settings:
    """The GEOGLOT_* variables."""

    device: str = "auto"
    """GEOGLOT_DEVICE: auto, cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """GEOGLOT_THREADS: threads of the model on a CPU, in the command line only; None leaves it to torch."""
    precision: Precision = "auto"
    """GEOGLOT_PRECISION: what commands compute images in: auto, float32, bfloat16, int8; `geoglot doctor --measure`."""
    cache: Path = field(default_factory=_default_cache)
    """GEOGLOT_CACHE: the folder of downloaded and converted models, and of what searches keep."""
    concepts: Path = field(default_factory=_default_concepts)
    """GEOGLOT_CONCEPTS: the folder of words that were taught by examples."""
    raster_cache_mb: int = 128
    """GEOGLOT_RASTER_CACHE_MB: memory for decoded blocks; GDAL would take 5 % of all memory."""
    read_seconds: int = 3
    """GEOGLOT_READ_SECONDS: computing time to read a stranger's weights or texts, beside what their size explains."""
    read_mb: int = 512
    """GEOGLOT_READ_MB: memory to read them, beside what their size explains."""
    flickr_key: str = field(default="", repr=False)
    """GEOGLOT_FLICKR_KEY: key of the Flickr API; a secret that is sent to Flickr and never written."""
    mapillary_token: str = field(default="", repr=False)
    """GEOGLOT_MAPILLARY_TOKEN: token of the Mapillary API; a secret too."""
    llm_url: str = ""
    """GEOGLOT_LLM_URL: base URL of an OpenAI-compatible server for `ask --planner llm`."""
    llm_model: str = ""
    """GEOGLOT_LLM_MODEL: the model of that server."""
    llm_key: str = field(default="", repr=False)
    """GEOGLOT_LLM_KEY: its key; a secret too."""
    llm_seconds: float = 60.0
    """GEOGLOT_LLM_SECONDS: time limit of one reply."""
    ask_seconds: float = 5.0
    """GEOGLOT_ASK_SECONDS: time limit of one program of `ask`."""
    serve_token: str = field(default="", repr=False)
    """GEOGLOT_SERVE_TOKEN: the secret of the map's address; without it each start makes one."""
    serve_mb: int = 8192
    """GEOGLOT_SERVE_MB: memory of each process that works for the map."""
    serve_seconds: int = 3600
    """GEOGLOT_SERVE_SECONDS: time of one job of the map."""
    serve_upload_mb: int = 512
    """GEOGLOT_SERVE_UPLOAD_MB: the largest file that may be dropped onto the map."""


def load_settings() -> Settings:
    """The settings of this process, from its environment."""
    env = os.environ
    default = Settings()
    return Settings(
        device=env.get("GEOGLOT_DEVICE", default.device),
        threads=_number("GEOGLOT_THREADS") if "GEOGLOT_THREADS" in env else None,
        precision=_precision(),
        cache=_folder("GEOGLOT_CACHE", default.cache),
        concepts=_folder("GEOGLOT_CONCEPTS", default.concepts),
        raster_cache_mb=load_raster_cache_mb(),
        read_seconds=_number("GEOGLOT_READ_SECONDS", default.read_seconds),
        read_mb=_number("GEOGLOT_READ_MB", default.read_mb),
        flickr_key=_secret("GEOGLOT_FLICKR_KEY"),
        mapillary_token=_secret("GEOGLOT_MAPILLARY_TOKEN"),
        llm_url=env.get("GEOGLOT_LLM_URL", default.llm_url),
        llm_model=env.get("GEOGLOT_LLM_MODEL", default.llm_model),
        llm_key=_secret("GEOGLOT_LLM_KEY"),
        llm_seconds=float(_number("GEOGLOT_LLM_SECONDS", int(default.llm_seconds))),
        ask_seconds=float(_number("GEOGLOT_ASK_SECONDS", int(default.ask_seconds))),
        serve_token=_secret("GEOGLOT_SERVE_TOKEN"),
        serve_mb=_number("GEOGLOT_SERVE_MB", default.serve_mb),
        serve_seconds=_number("GEOGLOT_SERVE_SECONDS", default.serve_seconds),
        serve_upload_mb=_number("GEOGLOT_SERVE_UPLOAD_MB", default.serve_upload_mb),
    )


def load_raster_cache_mb() -> int:
    """The one setting that every read of a window needs."""
    return _number("GEOGLOT_RASTER_CACHE_MB", Settings.raster_cache_mb)


def _number(name: str, default: int = 0) -> int:
    text, most = os.environ.get(name, str(default)), _MOST.get(name, 2**31)
    if not text.isdecimal() or len(text) > len(str(most)) or not 1 <= int(text) <= most:
        raise InputError(f"{name} must be a whole number from 1 to {most}, got {text!r}")
    return int(text)


def _precision() -> Precision:
    name = os.environ.get("GEOGLOT_PRECISION", Settings.precision)
    if name not in get_args(Precision):
        raise InputError(f"GEOGLOT_PRECISION must be one of {', '.join(get_args(Precision))}, got {name!r}")
    return cast(Precision, name)


def _secret(name: str) -> str:
    """A key, which goes into the head of a request and must be plain letters there; never shown."""
    text = os.environ.get(name, "").strip()
    if not (text.isascii() and text.isprintable()):
        raise InputError(f"{name} must be letters, digits and signs of ASCII in one line; copy it again")
    return text

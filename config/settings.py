"""Read the environment once, strictly, into one frozen object; the only reader of os.environ.

Each setting NAME can also come from a file named in NAME_FILE. All problems are found at once.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from config.key_file import earlier, read_or_create

MIN_SECRET_LENGTH = 32
MIN_SECRET_LETTERS = 10  # different characters; "changeme" written four times has six


class SettingsError(Exception):
    """The environment is wrong; `problems` holds one sentence for each wrong setting."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def _url_with(*schemes: str) -> BeforeValidator:
    def check(value: object) -> str:
        parts = urlsplit(str(value))
        if parts.scheme not in schemes:
            raise ValueError("must begin with " + " or ".join(f"{scheme}://" for scheme in schemes))
        if parts.scheme not in ("sqlite", "unix") and not parts.hostname:
            raise ValueError("names no host")
        return str(value).rstrip("/") if parts.scheme.startswith("http") else str(value)

    return BeforeValidator(check)


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _network(value: object) -> str:
    ipaddress.ip_network(str(value), strict=False)
    return str(value)


def _strong(value: str) -> str:
    if value and (len(value) < MIN_SECRET_LENGTH or len(set(value)) < MIN_SECRET_LETTERS):
        raise ValueError(
            f"is a default or too weak: give {MIN_SECRET_LENGTH} random characters or leave it out"
        )
    return value


def _place(value: object) -> tuple[str, int]:
    """`host:port` (`[::1]:port`) as a pair, the host in small letters."""
    if isinstance(value, tuple):
        return value
    try:
        parts = urlsplit(f"//{value}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.netloc != value or "@" in str(value):
        raise ValueError("must be a list of host:port")
    return host.rstrip("."), port


def _proxy(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "http" or parts.port is None or parts.path not in ("", "/"):
        raise ValueError("must be http://host:port")
    return value


_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def _size(value: object) -> object:
    """A number of bytes, also as `500 MB` or `1 GiB` (both count in 1024)."""
    said = re.fullmatch(r"\s*([0-9]+)\s*([kmgt]?)(i?b)?\s*", str(value), re.IGNORECASE)
    if said is None:
        raise ValueError("must be a number of bytes, or such as 500 MB or 1 GiB")
    return int(said[1]) * _UNITS[said[2].lower()]


WebUrl = Annotated[str, _url_with("http", "https")]
Networks = Annotated[tuple[Annotated[str, BeforeValidator(_network)], ...], BeforeValidator(_split)]


def _origin(value: object) -> str:
    """`https://host[:port]` in small letters, as a browser spells it."""
    text = str(value).lower()
    parts = urlsplit(text)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or text != f"{parts.scheme}://{parts.netloc}"
    ):
        raise ValueError("must be a list of https://host or https://host:port")
    return text


def _header(value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise ValueError("holds characters that no token has")
    return value


HeaderText = Annotated[str, AfterValidator(_header)]
Origins = Annotated[tuple[Annotated[str, BeforeValidator(_origin)], ...], BeforeValidator(_split)]
Secrets = Annotated[tuple[Annotated[str, AfterValidator(_strong)], ...], BeforeValidator(_split)]
Places = Annotated[tuple[Annotated[tuple[str, int], BeforeValidator(_place)], ...], BeforeValidator(_split)]
Size = Annotated[int, BeforeValidator(_size)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]  # 0 is no limit


def _env(name: str, default: Any = None) -> Any:
    """A field that is read from the environment variable `name`."""
    return Field(default=default, validation_alias=AliasChoices(name))


class Settings(BaseModel):
    """What the owner decides; see the settings section of the documentation for each name."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    data_dir: Path = _env("MEDIANEST_DATA_DIR", Path("data"))
    media_dir: Path = _env("MEDIANEST_MEDIA_DIR")
    staging_dir: Path = _env("MEDIANEST_STAGING_DIR")
    url: WebUrl = _env("MEDIANEST_URL", "")
    host: str = _env("MEDIANEST_HOST", "127.0.0.1")
    port: Annotated[int, Field(ge=1, le=65535)] = _env("PORT", 8000)
    database_url: Annotated[str, _url_with("sqlite", "postgres", "postgresql")] = _env("DATABASE_URL", "")
    redis_url: Annotated[str, _url_with("redis", "rediss", "unix")] = _env("REDIS_URL", "")
    secret_key: Annotated[str, AfterValidator(_strong)] = Field(
        default="", validation_alias="MEDIANEST_SECRET_KEY", repr=False
    )
    secret_keys_old: Secrets = Field(default=(), validation_alias="MEDIANEST_SECRET_KEY_OLD", repr=False)
    trusted_proxies: Networks = _env("MEDIANEST_TRUSTED_PROXIES", ())
    log: Literal["json", "text"] = _env("MEDIANEST_LOG", "text")
    metrics_token: str = Field(default="", validation_alias="MEDIANEST_METRICS_TOKEN", repr=False)
    keep_jobs_days: Count = _env("MEDIANEST_KEEP_JOBS_DAYS", 90)
    downloads_per_hour: Count = _env("MEDIANEST_DOWNLOAD_PER_HOUR", 5)
    downloads_per_user: Count = _env("MEDIANEST_DOWNLOAD_PER_USER", 2)
    downloads_per_host: Count = _env("MEDIANEST_DOWNLOAD_PER_HOST", 2)
    download_max_bytes: Size = _env("MEDIANEST_DOWNLOAD_MAX_BYTES", 50 * 2**30)
    download_max_seconds: Count = _env("MEDIANEST_DOWNLOAD_MAX_SECONDS", 12 * 3600)
    download_live: bool = _env("MEDIANEST_DOWNLOAD_LIVE", False)
    playlist_max: Annotated[int, Field(ge=1, le=100_000)] = _env("MEDIANEST_DOWNLOAD_PLAYLIST_MAX", 100)
    disk_floor: Size = _env("MEDIANEST_DISK_FLOOR", 2**30)
    egress_allow: Places = _env("MEDIANEST_EGRESS_ALLOW", ())
    egress_proxy: Annotated[WebUrl, AfterValidator(_proxy)] | None = _env("MEDIANEST_EGRESS_PROXY")
    plex_url: WebUrl | None = _env("PLEX_URL")
    plex_token: HeaderText = Field(default="", validation_alias="PLEX_TOKEN", repr=False)
    overseerr_url: WebUrl | None = _env("OVERSEERR_URL")
    overseerr_api_key: HeaderText = Field(default="", validation_alias="OVERSEERR_API_KEY", repr=False)
    uptime_kuma_url: WebUrl | None = _env("UPTIME_KUMA_URL")
    uptime_kuma_api_key: HeaderText = Field(default="", validation_alias="UPTIME_KUMA_API_KEY", repr=False)
    plex_tv_url: WebUrl = _env("PLEX_TV_URL", "https://plex.tv")
    plex_app_url: WebUrl = _env("PLEX_APP_URL", "https://app.plex.tv")
    approval: bool = _env("MEDIANEST_APPROVAL", False)
    requests_per_minute: Count = _env("MEDIANEST_REQUESTS_PER_MINUTE", 100)
    cors_origins: Origins = _env("MEDIANEST_CORS_ORIGINS", ())
    token: str = Field(default="", validation_alias="MEDIANEST_TOKEN", repr=False)
    metrics_dir: Path | None = _env("PROMETHEUS_MULTIPROC_DIR")
    tethered: bool = _env("MEDIANEST_TETHERED", False)

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Derive the places that follow from the data directory."""
        data = Path(values.get("MEDIANEST_DATA_DIR") or "data").expanduser().absolute()
        media = Path(values.get("MEDIANEST_MEDIA_DIR") or data / "media").expanduser().absolute()
        derived = {
            "MEDIANEST_DATA_DIR": data,
            "MEDIANEST_MEDIA_DIR": media,
            "MEDIANEST_STAGING_DIR": Path(values.get("MEDIANEST_STAGING_DIR") or media / ".staging")
            .expanduser()
            .absolute(),
            "DATABASE_URL": values.get("DATABASE_URL") or f"sqlite:///{data / 'medianest.db'}",
            "REDIS_URL": values.get("REDIS_URL") or private_redis_url(data / "run"),
            "MEDIANEST_URL": values.get("MEDIANEST_URL") or f"http://127.0.0.1:{values.get('PORT') or 8000}",
        }
        return {**values, **derived}

    @property
    def run_dir(self) -> Path:
        """Sockets, locks and metric files of the running processes; nothing in it outlives a reboot."""
        return self.data_dir / "run"

    @property
    def sqlite(self) -> bool:
        """Whether the database is a file on this machine."""
        return self.database_url.startswith("sqlite")

    @property
    def base_path(self) -> str:
        """The path under which the proxy shows us, without a slash at the end ("" at the root)."""
        return urlsplit(self.url).path.rstrip("/")

    @property
    def local_token_file(self) -> Path:
        """Holds the token with which the command line on this machine acts as admin."""
        return self.data_dir / "local-token"

    @property
    def secret_file(self) -> Path:
        """Holds the installation's secret unless the environment does."""
        return self.data_dir / "secret-key"

    def secret(self) -> str:
        """The installation's secret now, made on first use; `medianest secrets rotate` replaces the one in the file."""
        return self.secret_key or read_or_create(self.secret_file)

    def earlier_secrets(self) -> list[str]:
        """The secrets before it under which something may still be sealed."""
        return [*self.secret_keys_old, *earlier(self.secret_file)]


def private_redis_url(run_dir: Path) -> str:
    """Where the private Redis of this data directory listens, as its keeper noted it."""
    try:
        return (run_dir / "redis.url").read_text().strip()
    except OSError:
        return f"unix://{run_dir / 'redis.sock'}"


def _names() -> list[str]:
    aliases = [field.validation_alias for field in Settings.model_fields.values()]
    return [str(alias.choices[0] if isinstance(alias, AliasChoices) else alias) for alias in aliases]


def _collect(env: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The set values by name, NAME_FILE resolved, and what is wrong with the files."""
    values: dict[str, str] = {}
    problems: list[str] = []
    for name in _names():
        file = env.get(f"{name}_FILE")
        if file and env.get(name):
            problems.append(f"{name}: set both directly and by {name}_FILE; keep one")
        elif file:
            try:
                values[name] = Path(file).read_text().strip()
            except (OSError, UnicodeDecodeError):
                problems.append(f"{name}_FILE: the file it names cannot be read")
        elif env.get(name):
            values[name] = env[name]
    return values, problems


def read(env: Mapping[str, str]) -> Settings:
    """Settings from `env`; raises SettingsError that names every problem, never a value."""
    values, problems = _collect(env)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        for each in error.errors():
            place = ".".join(str(part) for part in each["loc"] if not isinstance(part, int))
            text = each["msg"].removeprefix("Value error, ")
            problems.append(f"{place}: {text}" if place else text)
        raise SettingsError(problems) from None
    if problems:
        raise SettingsError(problems)
    return settings


@cache
def settings() -> Settings:
    """This process's settings."""
    return read(os.environ)


def environment(**overrides: str) -> dict[str, str]:
    """The environment for a process that we start, with `overrides`."""
    return {**os.environ, **overrides}

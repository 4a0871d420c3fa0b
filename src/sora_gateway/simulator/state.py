"""Remember accounts, tasks, posts, characters: each change is an event that is journaled, then applied."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from sora_gateway.kit.ids import new_secret
from sora_gateway.simulator.clock import SkewedClock
from sora_gateway.simulator.journal import Event, Journal
from sora_gateway.simulator.records import (
    Account,
    Cameo,
    Character,
    Post,
    Reference,
    Task,
    Upload,
)
from sora_gateway.simulator.scenario import AccountSettings, Scenario
from sora_gateway.simulator.shelf import Entry, Shelf
from sora_gateway.simulator.timeline import schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOf:
    """What a file id on the media host stands for."""

    task: Task
    index: int
    is_marked: bool


def file_id(generation_id: str, *, is_marked: bool) -> str:
    """Return the media host's id of a generation's file, with or without the watermark."""
    kind = "marked" if is_marked else "clean"
    return hashlib.sha256(f"{generation_id}/{kind}".encode()).hexdigest()[:32]


class State:
    """Everything the backend knows. Reads are plain attributes; writes go through the methods."""

    def __init__(self, scenario: Scenario, clock: SkewedClock, journal: Journal) -> None:
        self._scenario = scenario
        self._clock = clock
        self._journal = journal
        self._is_replaying = False
        self.accounts: dict[str, Account] = {}
        self.shelves: dict[str, Shelf] = {}
        self.tasks: dict[str, Entry] = {}
        self.files: dict[str, FileOf] = {}
        self.generations: dict[str, tuple[Entry, int]] = {}
        self.uploads: dict[str, Upload] = {}
        self.posts: dict[str, Post] = {}
        self.deleted_posts: set[str] = set()
        self.posts_of: dict[str, str] = {}
        self.references: dict[str, Reference] = {}
        self.cameos: dict[str, Cameo] = {}
        self.characters: dict[str, Character] = {}
        self.deleted_characters: dict[str, Character] = {}
        self.post_refusals: dict[str, int] = {}
        self.spent_refresh_tokens: dict[str, str] = {}
        self._by_name: dict[str, str] = {}
        self._by_session: dict[str, str] = {}
        self._by_refresh: dict[str, str] = {}
        self._by_username: dict[str, str] = {}
        self._characters_by_username: dict[str, str] = {}
        self._characters_by_cameo: dict[str, str] = {}
        self._apply: dict[str, Callable[[Any], None]] = {
            "account": self._on_account,
            "username": self._on_username,
            "refreshed": self._on_refreshed,
            "task": self._on_task,
            "upload": self._on_upload,
            "post": self._on_post,
            "post_refused": self._on_post_refused,
            "post_deleted": self._on_post_deleted,
            "reference": self._on_reference,
            "cameo": self._on_cameo,
            "character": self._on_character,
            "character_deleted": self._on_character_deleted,
            "clock": self._clock.advance,
        }

    def restore(self) -> None:
        """Replay the journal, then keep it open for what comes."""
        self._is_replaying = True
        for event in self._journal.replay():
            self._apply[event["event"]](event["data"])
        self._is_replaying = False
        self._journal.open()

    def close(self) -> None:
        """Let go of the journal."""
        self._journal.close()

    # Lookups

    def account_named(self, name: str) -> Account | None:
        """Return the account of that name."""
        return self.accounts.get(self._by_name.get(name, ""))

    def account_of_session(self, session_token: str) -> Account | None:
        """Return the account whose session cookie that is."""
        return self.accounts.get(self._by_session.get(session_token, ""))

    def account_of_refresh_token(self, refresh_token: str) -> Account | None:
        """Return the account whose living refresh token that is."""
        return self.accounts.get(self._by_refresh.get(refresh_token, ""))

    def owner_of_username(self, username: str) -> Account | None:
        """Return the account that carries that username."""
        return self.accounts.get(self._by_username.get(username, ""))

    def character_named(self, username: str) -> Character | None:
        """Return the living character that carries that username."""
        return self.characters.get(self._characters_by_username.get(username, ""))

    def character_of(self, cameo_id: str) -> Character | None:
        """Return the living character that was made from a cameo."""
        return self.characters.get(self._characters_by_cameo.get(cameo_id, ""))

    # Changes

    def add_account(self, account: Account) -> None:
        """Add an account, or give a known one new settings."""
        data = asdict(account) | {"settings": account.settings.model_dump(mode="json")}
        self._record("account", data)

    def retune(self, account: Account, settings: AccountSettings) -> None:
        """Let the scenario's settings win over those of an earlier run; not journaled, as it is repeated."""
        self.accounts[account.id] = replace(account, settings=settings)

    def set_username(self, account: Account, username: str) -> None:
        """Give ``account`` a name."""
        self._record("username", {"account_id": account.id, "username": username})

    def rotate(self, account: Account, access_token: str) -> str:
        """Kill the account's refresh token and return its successor."""
        successor = new_secret("rt_")
        self._record(
            "refreshed",
            {"account_id": account.id, "refresh_token": successor, "access_token": access_token},
        )
        return successor

    def add_task(self, task: Task) -> None:
        """Accept a creation."""
        self._record("task", asdict(task))

    def add_upload(self, upload: Upload) -> None:
        """Accept a picture whose file already lies in its place."""
        self._record("upload", asdict(upload))

    def add_post(self, post: Post) -> None:
        """Publish a generation."""
        self._record("post", asdict(post))

    def refuse_post(self, generation_id: str) -> None:
        """Count one refusal of a post."""
        self._record("post_refused", generation_id)

    def delete_post(self, post_id: str) -> None:
        """Delete a post; its id stays known as deleted."""
        self._record("post_deleted", post_id)

    def add_reference(self, reference: Reference) -> None:
        """Save a reference."""
        self._record("reference", asdict(reference))

    def add_cameo(self, cameo: Cameo) -> None:
        """Accept a cameo; an uploaded clip already lies in its place."""
        self._record("cameo", asdict(cameo))

    def put_character(self, character: Character) -> None:
        """Add a character, or put a changed one in its place."""
        self._record("character", asdict(character))

    def delete_character(self, character_id: str) -> None:
        """Delete a character; its username is free again."""
        self._record("character_deleted", character_id)

    def advance_clock(self, seconds: float) -> None:
        """Skew the clock forward."""
        self._record("clock", seconds)

    def _record(self, name: str, data: Any) -> None:
        event: Event = {"event": name, "data": data}
        self._journal.append(event)
        self._apply[name](data)

    # Events

    def _on_account(self, data: dict[str, Any]) -> None:
        account = Account(**(data | {"settings": AccountSettings.model_validate(data["settings"])}))
        self.accounts[account.id] = account
        self.shelves.setdefault(account.id, Shelf(self._scenario.limits.window_s))
        self._by_name[account.name] = account.id
        self._by_session[account.session_token] = account.id
        self._by_refresh[account.refresh_token] = account.id
        if account.username:
            self._by_username[account.username] = account.id

    def _on_username(self, data: dict[str, str]) -> None:
        account = self.accounts[data["account_id"]]
        if account.username:
            self._by_username.pop(account.username, None)
        self.accounts[account.id] = replace(account, username=data["username"])
        self._by_username[data["username"]] = account.id

    def _on_refreshed(self, data: dict[str, str]) -> None:
        account = self.accounts[data["account_id"]]
        self.spent_refresh_tokens[account.refresh_token] = account.id
        self._by_refresh.pop(account.refresh_token, None)
        self._by_refresh[data["refresh_token"]] = account.id
        self.accounts[account.id] = replace(
            account, refresh_token=data["refresh_token"], access_token=data["access_token"]
        )

    def _on_task(self, data: dict[str, Any]) -> None:
        task = Task.restored(data)
        timings = self._scenario.timing
        timing = timings.image if task.kind == "image" else timings.video
        entry = Entry(
            task=task,
            schedule=schedule(task, timing),
            hidden_answers=0 if self._is_replaying else timing.hidden_answers,
        )
        self.tasks[task.id] = entry
        self.shelves[task.account_id].add(entry)
        for index, generation_id in enumerate(task.generation_ids):
            self.generations[generation_id] = (entry, index)
            for is_marked in (True, False):
                key = file_id(generation_id, is_marked=is_marked)
                self.files[key] = FileOf(task=task, index=index, is_marked=is_marked)

    def _on_upload(self, data: dict[str, Any]) -> None:
        upload = Upload(**data)
        self.uploads[upload.id] = upload

    def _on_post(self, data: dict[str, Any]) -> None:
        post = Post(**data)
        self.posts[post.id] = post
        self.posts_of.setdefault(post.generation_id, post.id)

    def _on_post_refused(self, generation_id: str) -> None:
        self.post_refusals[generation_id] = self.post_refusals.get(generation_id, 0) + 1

    def _on_post_deleted(self, post_id: str) -> None:
        post = self.posts.pop(post_id, None)
        if post is None:
            return
        self.deleted_posts.add(post_id)
        left = (other.id for other in self.posts.values() if other.generation_id == post.generation_id)
        first = next(left, None)
        if first is None:
            self.posts_of.pop(post.generation_id, None)
        else:
            self.posts_of[post.generation_id] = first

    def _on_reference(self, data: dict[str, Any]) -> None:
        reference = Reference(**data)
        self.references[reference.id] = reference

    def _on_cameo(self, data: dict[str, Any]) -> None:
        cameo = Cameo(**data)
        self.cameos[cameo.id] = cameo

    def _on_character(self, data: dict[str, Any]) -> None:
        character = Character(**data)
        self.characters[character.id] = character
        self._characters_by_username[character.username] = character.id
        self._characters_by_cameo[character.cameo_id] = character.id

    def _on_character_deleted(self, character_id: str) -> None:
        character = self.characters.pop(character_id)
        self._characters_by_username.pop(character.username)
        self._characters_by_cameo.pop(character.cameo_id)
        self.deleted_characters[character_id] = character

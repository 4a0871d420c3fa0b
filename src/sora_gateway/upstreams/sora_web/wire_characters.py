"""Read the answers of the calls around publishing, characters and prompts (sections 4.2, 8, 9 and 10)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from sora_gateway.upstreams.sora_web.fields import Flag, Text, as_object, as_objects
from sora_gateway.upstreams.sora_web.wire import Draft, Received, Wire, post_id


class OneDraft(Wire):
    """A draft on its own.

    Source: Sora web protocol, section 7.3. Example: ``{"draft": {"id": "gen_01kq40", "post": null}}``
    """

    draft: Draft

    @model_validator(mode="before")
    @classmethod
    def _wrapped(cls, value: Any) -> Any:
        return value if isinstance(value, dict) and "draft" in value else {"draft": value}


class Posted(Wire):
    """The answer to a publication.

    Source: Sora web protocol, section 8.1. Example:
    ``{"post": {"id": "s_69d0a7c41f3881918be2d5607f94ac13"}, "profile": {"username": "poolseven"}}``
    """

    id: str = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _unwrap(cls, value: Any) -> Any:
        return {"id": post_id(value)}


class StoredFile(Received):
    """The answer to the upload of a file.

    Source: Sora web protocol, section 4.2. Example:
    ``{"file_id": "file_00000000a1b4", "asset_pointer": "sediment://file_00000000a1b4", "size": 184220,
    "contains_realistic_person": false, "user_error_message": null}``
    """

    file_id: Text = None
    asset_pointer: Text = None

    @property
    def pointer(self) -> str | None:
        """What other calls name it by."""
        return self.asset_pointer or (f"sediment://{self.file_id}" if self.file_id else None)


class Cameo(Wire):
    """A character in the making.

    Source: Sora web protocol, section 9.3. Example:
    ``{"id": "cameo_69d1b02c", "status": "finalized", "status_message": "Completed",
    "display_name_hint": "Rusty", "username_hint": "poolseven.rusty", "profile_asset_url": "https://…"}``
    """

    status: Text = None
    status_message: Text = None
    display_name_hint: Text = None
    username_hint: Text = None
    profile_asset_url: Text = None

    @property
    def is_failed(self) -> bool:
        """Tell whether nothing will come of it."""
        return (self.status or "").lower() in ("failed", "error", "rejected")

    @property
    def is_done(self) -> bool:
        """Tell whether it can be finalized, by any of the signs that clients go by."""
        is_said = (self.status or "").lower() == "finalized" or self.status_message == "Completed"
        return is_said or self.profile_asset_url is not None


class NameCheck(Wire):
    """Whether a username is free. Source: Sora web protocol, section 3.5. Example: ``{"available": true}``"""

    available: Flag = False


class Profile(Wire):
    """Who somebody is. For a character ``user_id`` is its id.

    Source: Sora web protocol, sections 9.4 and 9.5. Example:
    ``{"user_id": "ch_69d1b02c", "username": "rusty481", "display_name": "Rusty"}``
    """

    user_id: Text = None
    username: Text = None
    display_name: Text = None


class CharacterObject(Wire):
    """A character; lists show the bare profile.

    Source: Sora web protocol, sections 9.4 and 9.5. Example:
    ``{"character_id": "ch_69d1b02c", "profile": {"username": "rusty481"}}``
    """

    character_id: Text = None
    user_id: Text = None
    username: Text = None
    profile: Annotated[Profile | None, BeforeValidator(as_object)] = None

    @property
    def id(self) -> str | None:
        """Its id: ``ch_…``."""
        return self.character_id or self.user_id or (self.profile.user_id if self.profile else None)

    @property
    def name(self) -> str | None:
        """Its username, without the sign."""
        return self.username or (self.profile.username if self.profile else None)


class OneCharacter(Wire):
    """A character on its own, wrapped or not.

    Source: Sora web protocol, sections 9.4 and 9.5. Example:
    ``{"character": {"character_id": "ch_69d1b02c", "profile": {"username": "rusty481"}}}``
    """

    character: CharacterObject

    @model_validator(mode="before")
    @classmethod
    def _wrapped(cls, value: Any) -> Any:
        return value if isinstance(value, dict) and "character" in value else {"character": value}


class CharacterList(Wire):
    """The characters of an account.

    Source: Sora web protocol, section 9.5. Example:
    ``{"items": [{"user_id": "ch_69d1b02c", "username": "rusty481"}], "cursor": null}``
    """

    items: Annotated[list[CharacterObject], BeforeValidator(as_objects), Field(default_factory=list)]
    cursor: Text = None


class Enhanced(Wire):
    """A richer prompt. Source: Sora web protocol, section 10. Example: ``{"enhanced_prompt": "Macro"}``"""

    enhanced_prompt: Text = None

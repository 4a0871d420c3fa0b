"""The bodies of the creation calls, checked as strictly as the protocol document describes them.

Source: Sora web protocol, sections 5.1, 5.2, 6.1, 6.2, 6.5, 6.6, 8.1 and 9. Smallest body of a video:
``{"kind": "video", "prompt": "a boat", "orientation": "portrait", "size": "small", "n_frames": 300,
"model": "sy_8", "inpaint_items": []}``
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)

from sora_gateway.simulator.errors import invalid

FRAMES_PER_SECOND = 30


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class InpaintItem(_Body):
    """A picture of a Sora 2 request (section 6.2)."""

    kind: Literal["upload", "file", "generation", "reference"]
    upload_id: StrictStr | None = None
    file_id: StrictStr | None = None
    generation_id: StrictStr | None = None
    reference_id: StrictStr | None = None


class VideoBody(_Body):
    """``POST /nf/create`` and ``/nf/create/storyboard`` (sections 6.1 and 6.5)."""

    kind: Literal["video"]
    prompt: StrictStr = Field(min_length=1)
    title: StrictStr | None = None
    orientation: Literal["portrait", "landscape"] = "portrait"
    size: StrictStr = "small"
    n_frames: StrictInt = 300
    model: StrictStr = "sy_8"
    style_id: StrictStr | None = None
    inpaint_items: list[InpaintItem] | None = None
    remix_target_id: StrictStr | None = None
    reroll_target_id: StrictStr | None = None
    use_image_as_first_frame: StrictBool | None = None
    cameo_ids: list[StrictStr] | None = None
    cameo_replacements: dict[str, Any] | None = None
    storyboard_id: StrictStr | None = None
    metadata: dict[str, Any] | None = None
    project_config: dict[str, Any] | None = None
    trim_config: dict[str, Any] | None = None
    audio_caption: StrictStr | None = None
    audio_transcript: StrictStr | None = None
    video_caption: StrictStr | None = None
    i2v_reference_instruction: StrictStr | None = None
    remix_prompt_template: StrictStr | None = None
    seed: StrictInt | None = None


class BulkBody(VideoBody):
    """``POST /nf/bulk_create`` (section 6.1): the page sends it for more than one sample."""

    nsamples: StrictInt = Field(ge=2)


class ExtensionBody(_Body):
    """``POST /project_y/profile/drafts/{gen}/long_video_extension`` (section 6.6)."""

    user_prompt: StrictStr = Field(min_length=1)
    extension_duration_s: StrictInt
    enable_rewrite: StrictBool | None = None


class V1Item(_Body):
    """A picture of a first-generation request (sections 5.1 and 5.2)."""

    type: Literal["image"]
    frame_index: StrictInt = 0
    upload_media_id: StrictStr | None = None
    generation_id: StrictStr | None = None


class V1Body(_Body):
    """``POST /video_gen``: an image, or a video of the first generation."""

    type: Literal["image_gen", "video_gen"]
    operation: StrictStr
    prompt: StrictStr = Field(min_length=1)
    n_variants: StrictInt = Field(default=1, ge=1, le=4)
    n_frames: StrictInt = 1
    width: StrictInt = Field(ge=16, le=4096)
    height: StrictInt = Field(ge=16, le=4096)
    inpaint_items: list[V1Item] | None = None
    model: StrictStr | None = None
    is_storyboard: StrictBool | None = None
    actions: dict[str, Any] | None = None
    style: StrictStr | None = None
    seed: StrictInt | None = None
    guidance: StrictInt | StrictFloat | None = None


class Attachment(_Body):
    """What a post shows."""

    generation_id: StrictStr
    kind: Literal["sora", "sora_edit"]


class Destination(_Body):
    """Who may see a post."""

    type: Literal["public", "shared_link_unlisted"]


class PostBody(_Body):
    """``POST /project_y/post`` (section 8.1).

    No client was seen sending ``share_setting``; where it is given it wins over the destinations.
    """

    attachments_to_create: list[Attachment] = Field(min_length=1, max_length=1)
    post_text: StrictStr = ""
    destinations: list[Destination] | None = None
    share_setting: Literal["public", "private", "unlisted"] | None = None


class ReferenceBody(_Body):
    """``POST /project_y/references/create`` (section 6.7)."""

    name: StrictStr
    display_name: StrictStr | None = None
    description: StrictStr | None = None
    type: Literal["character", "setting", "style", "other"]
    asset_pointers: list[StrictStr] = []


class EnhanceBody(_Body):
    """``POST /editor/enhance_prompt`` (section 10)."""

    prompt: StrictStr = Field(min_length=1)
    expansion_level: Literal["short", "medium", "long"] = "medium"
    duration_s: StrictInt = 10


class UsernameBody(_Body):
    """``POST /me`` and the username calls (section 3.5)."""

    username: StrictStr


class Instruction(_Body):
    """One line of an instruction set."""

    type: Literal["text"]
    value: StrictStr


class InstructionSet(_Body):
    """What a character is like: ``{"value": [{"type": "text", "value": "a calm ginger cat"}]}``."""

    value: list[Instruction]


class FromGenerationBody(_Body):
    """``POST /characters/from-generation`` (section 9.2)."""

    generation_id: StrictStr
    character_id: StrictStr | None = None
    timestamps: list[StrictInt | StrictFloat] = Field(default=[0, 3], min_length=2, max_length=2)


class FinalizeBody(_Body):
    """``POST /characters/finalize`` (section 9.4)."""

    cameo_id: StrictStr
    username: StrictStr
    display_name: StrictStr = Field(min_length=1)
    profile_asset_pointer: StrictStr
    instruction_set: InstructionSet | None = None
    safety_instruction_set: InstructionSet | None = None


class UpdateBody(_Body):
    """``POST /project_y/cameos/by_id/{cameo_id}/update_v2`` (section 9.5); what is absent stays."""

    visibility: Literal["public", "private"] | None = None
    instruction_set: InstructionSet | None = None
    safety_instruction_set: InstructionSet | None = None


_Model = TypeVar("_Model", bound=_Body)


def parse(model: type[_Model], body: dict[str, Any]) -> _Model:
    """Return ``body`` as ``model``.

    Raises:
        RefusalError: 400 ``invalid_request`` that names the first bad field.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise invalid(f"Invalid value for {field}: {first['msg']}.", field) from None

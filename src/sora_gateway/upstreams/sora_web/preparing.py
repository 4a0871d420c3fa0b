"""Do what comes before a create call: upload pictures, see to the video that it starts from."""

from __future__ import annotations

from sora_gateway.domain.errors import ErrorKind, GatewayError
from sora_gateway.domain.requests import GenerationRequest, Source
from sora_gateway.kit.clock import Now
from sora_gateway.ports.upstream import InputReader, Notebook
from sora_gateway.upstreams.sora_web import translate
from sora_gateway.upstreams.sora_web.client import Access, Client
from sora_gateway.upstreams.sora_web.config import SoraWebConfig
from sora_gateway.upstreams.sora_web.errors import require_success
from sora_gateway.upstreams.sora_web.lists import Lists
from sora_gateway.upstreams.sora_web.publishing import Publisher


class Preparer:
    """Prepares submissions of any account."""

    def __init__(self, client: Client, lists: Lists, config: SoraWebConfig, now: Now) -> None:
        self._client = client
        self._lists = lists
        self._is_publishing = config.publish == "lazily"
        self._publisher = Publisher(client, lists, config, now)
        self._now = now

    async def prepare(
        self, request: GenerationRequest, access: Access, inputs: InputReader, notebook: Notebook
    ) -> dict[str, str]:
        """Return what ``translate.create_call`` needs.

        Pictures are uploaded anew each time, so that no id is ever shared between jobs.

        Raises:
            GatewayError(unsupported): the video that it starts from cannot be used.
        """
        # The source first: where it cannot be used nothing has to be uploaded.
        prepared: dict[str, str] = {}
        if request.remix is not None:
            prepared[translate.REMIX_TARGET] = await self._target(request.remix, access, notebook)
        if request.extend is not None:
            prepared |= await self._extended(request.extend, access)
        for index, blob in enumerate(request.inputs):
            answer = await self._client.upload(
                access,
                "/uploads",
                name=translate.file_name(blob.media_type),
                media_type=blob.media_type,
                content=inputs.file(blob),
            )
            require_success(answer, self._now())
            prepared[translate.upload_key(index)] = translate.upload_id(answer)
        return prepared

    async def _target(self, source: Source, access: Access, notebook: Notebook) -> str:
        if not self._is_publishing:
            # Section 6.4: one client names drafts that were never published.
            return source.result_id
        return await self._publisher.post_of(source, access, notebook)

    async def _extended(self, source: Source, access: Access) -> dict[str, str]:
        draft = await self._lists.draft(access, source.result_id)
        if draft is None or draft.can_extend is False:
            reason = "is not at the backend any more" if draft is None else "cannot be extended"
            raise GatewayError(ErrorKind.UNSUPPORTED, f"The video {source.job_id} {reason}.")
        return {translate.SOURCE_TITLE: draft.title} if draft.title is not None else {}

"""What every section of a chip is: frozen, complete, without unknown keys."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1, le=1 << 20)]
Bits = Annotated[int, Field(ge=1, le=32)]


class Spec(BaseModel):
    """A section of a chip file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

"""What the rows and columns of a CIFTI-2 matrix are, from the XML in its header, validated."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

import numpy as np
from jaxtyping import Int

from thrux.errors import ThruxError

PREFIX = "CIFTI_STRUCTURE_"
_DEPTH = 32
_MOST = 2**31 - 1
_REMEDY = "Write the file again with Connectome Workbench or nibabel"
_SERIES, _SCALARS, _MODELS = (f"CIFTI_INDEX_TYPE_{name}" for name in ("SERIES", "SCALARS", "BRAIN_MODELS"))


@dataclass
class BrainModel:
    """The columns of one structure: `count` of them from `offset` on."""

    structure: str  # without CIFTI_STRUCTURE_
    offset: int
    count: int
    n_vertices: int | None = None  # of the whole surface; None: voxels
    vertices: Int[np.ndarray, " column"] | None = None


@dataclass
class _Axis:
    """A MatrixIndicesMap as it stands."""

    attributes: dict[str, str]
    models: list[BrainModel] = field(default_factory=list)
    names: int = 0


def read_axes(xml: bytes, shape: tuple[int, int], path: Path) -> tuple[bool, list[BrainModel]]:
    """Whether a dense matrix [maps, columns] is a series, not scalars; and the models of its columns.

    Raises:
      ThruxError: If the XML is damaged or says something that cannot be, or if it is another kind of CIFTI.
    """
    parser = _Parser(path)
    parser.parse(xml)
    axes: dict[str, _Axis] = {}
    for axis in parser.axes:
        for dimension in axis.attributes.get("AppliesToMatrixDimension", "").split(","):
            if dimension not in ("0", "1") or dimension in axes:
                parser.refuse(
                    "a matrix has the dimensions 0 and 1", "AppliesToMatrixDimension", dimension or "missing"
                )
            axes[dimension] = axis
    if len(axes) != 2:
        parser.refuse("both dimensions of the matrix must be described", "MatrixIndicesMap", len(axes))
    kinds = [axes[d].attributes.get("IndicesMapToDataType", "missing") for d in "01"]
    if kinds[1] != _MODELS or kinds[0] not in (_SERIES, _SCALARS):
        short = " x ".join(kind.removeprefix("CIFTI_INDEX_TYPE_") for kind in kinds)
        parser.refuse(
            "only dense scalars (.dscalar.nii) and dense series (.dtseries.nii) are read",
            "IndicesMapToDataType",
            short,
        )
    maps = axes["0"]
    declared = maps.names
    if kinds[0] == _SERIES:
        declared = parser.number(maps.attributes, "NumberOfSeriesPoints", 1)
    if declared != shape[0]:
        parser.refuse(f"the matrix has {shape[0]} of them", "maps", declared)
    _check_models(axes["1"].models, shape[1], parser)
    return kinds[0] == _SERIES, axes["1"].models


def _check_models(models: list[BrainModel], columns: int, parser: _Parser) -> None:
    """Each column belongs to one model, and each surface model names its vertices, each once."""
    at = 0
    for model in sorted(models, key=lambda model: model.offset):
        where = f"IndexOffset of {model.structure}"
        if model.offset != at:
            parser.refuse(
                f"the columns before it end at {at}: models must not overlap or gape", where, model.offset
            )
        at += model.count
        if model.n_vertices is None:
            continue
        if model.vertices is None or len(model.vertices) != model.count:
            named = 0 if model.vertices is None else len(model.vertices)
            parser.refuse(
                f"{model.count} are declared", f"VertexIndices of {model.structure}", f"{named} vertices"
            )
        low, high = int(model.vertices.min()), int(model.vertices.max())
        if low < 0 or high >= model.n_vertices:
            parser.refuse(
                f"the surface has the vertices 0 to {model.n_vertices - 1}",
                f"VertexIndices of {model.structure}",
                low if low < 0 else high,
            )
        if len(np.unique(model.vertices)) != model.count:
            parser.refuse("a vertex is named twice", f"VertexIndices of {model.structure}", "not unique")
    if at != columns:
        parser.refuse(f"the matrix has {columns} columns", "BrainModel", f"{at} columns")


class _Parser:
    """Expat's events into axes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.axes: list[_Axis] = []
        self.depth = 0
        self.text: list[str] | None = None

    def parse(self, xml: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = lambda text: None if self.text is None else self.text.append(text)
        parser.EntityDeclHandler = lambda *_: self.refuse("defining entities is refused", "ENTITY", "defined")
        parser.ExternalEntityRefHandler = lambda *_: self.refuse("it is refused", "ENTITY", "external")
        try:
            parser.Parse(xml.rstrip(b"\0"), True)
        except (expat.ExpatError, ValueError, LookupError) as error:
            self.refuse(f"the XML cannot be parsed ({error})", "CIFTI XML", "damaged")

    def refuse(self, problem: str, field: str, value: object) -> NoReturn:
        raise ThruxError(problem, file=self.path, field=field, value=value, remedy=_REMEDY)

    def number(self, attributes: dict[str, str], name: str, least: int) -> int:
        value = attributes.get(name, "")
        if not (value.isascii() and value.isdigit() and len(value) < 12 and least <= int(value) <= _MOST):
            self.refuse(f"it must be a whole number from {least} on", name, value or "missing")
        return int(value)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _DEPTH:
            self.refuse(f"elements are nested deeper than {_DEPTH}", "CIFTI XML", name)
        if self.depth == 1 and (name != "CIFTI" or attributes.get("Version") not in ("2", "2.0")):
            self.refuse("only CIFTI version 2 is read", "Version", attributes.get("Version", name))
        if name == "MatrixIndicesMap":
            self.axes.append(_Axis(attributes))
        elif name == "NamedMap" and self.axes:
            self.axes[-1].names += 1
        elif name == "BrainModel" and self.axes:
            self.axes[-1].models.append(self.model(attributes))
        elif name == "VertexIndices":
            self.text = []

    def model(self, attributes: dict[str, str]) -> BrainModel:
        kind = attributes.get("ModelType", "missing")
        if kind not in ("CIFTI_MODEL_TYPE_SURFACE", "CIFTI_MODEL_TYPE_VOXELS"):
            self.refuse("it must be a model of a surface or of voxels", "ModelType", kind)
        model = BrainModel(
            attributes.get("BrainStructure", "missing").removeprefix(PREFIX),
            self.number(attributes, "IndexOffset", 0),
            self.number(attributes, "IndexCount", 1),
        )
        if kind.endswith("SURFACE"):
            model.n_vertices = self.number(attributes, "SurfaceNumberOfVertices", 1)
        return model

    def end(self, name: str) -> None:
        self.depth -= 1
        if name != "VertexIndices" or self.text is None:
            return
        text, self.text = "".join(self.text), None
        if not (self.axes and self.axes[-1].models):
            self.refuse("it stands outside a BrainModel", "VertexIndices", "misplaced")
        model = self.axes[-1].models[-1]
        try:
            model.vertices = np.array(text.split(), np.int64)
        except (ValueError, OverflowError) as error:
            self.refuse(
                f"an index cannot be read ({error})", f"VertexIndices of {model.structure}", "damaged"
            )

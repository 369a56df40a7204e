"""Named tuples that kernels hand on by reference, and whose fields each kernel looks up once.

Numba passes a named tuple of arrays as one argument for each number in each array: with ninety arrays seven hundred
arguments at every call, and most of the time of compiling goes to them. Here a kernel gets the address of the tuple.
"""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

from llvmlite import ir as llvm
from numba.core import cgutils, ir, types
from numba.core.analysis import compute_cfg_from_blocks
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, PassManager, register_pass
from numba.core.typed_passes import PreLowerStripPhis
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)

FIELDS_FILE = __file__
"""The code of kernels depends on this file too."""

TupleT = TypeVar("TupleT", bound=type[tuple[Any, ...]])


def by_reference(kind: TupleT) -> TupleT:
    """Let kernels hand on a class of named tuples by reference; kernels can then neither make such a tuple nor return it."""
    typeof_impl.register(kind, lambda value, context: Reference(typeof_impl.dispatch(tuple)(value, context)))
    return kind


class Reference(types.Type):
    """The type of the address of a named tuple."""

    def __init__(self, fields: Any) -> None:
        self.fields = fields
        kind = fields.instance_class
        digest = hashlib.sha256(str(fields).encode()).hexdigest()[:12]
        super().__init__(name=f"{kind.__module__}.{kind.__qualname__}&{digest}")

    @property
    def key(self) -> Any:
        """What makes two types the same."""
        return self.fields.key


@register_model(Reference)
class _ReferenceModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, reference: Reference) -> None:
        super().__init__(manager, reference, manager.lookup(reference.fields).get_value_type().as_pointer())


@unbox(Reference)  # type: ignore[untyped-decorator]
def _unbox(reference: Reference, value: Any, context: Any) -> NativeValue:
    native = context.unbox(reference.fields, value)
    address = cgutils.alloca_once_value(context.builder, native.value)
    return NativeValue(address, is_error=native.is_error, cleanup=native.cleanup)


@infer_getattr
class _Fields(AttributeTemplate):  # type: ignore[misc]
    key = Reference

    def generic_resolve(self, reference: Reference, name: str) -> Any:
        fields = reference.fields
        return fields.types[fields.fields.index(name)] if name in fields.fields else None


@lower_getattr_generic(Reference)  # type: ignore[untyped-decorator]
def _field(context: Any, builder: Any, reference: Reference, address: Any, name: str) -> Any:
    position = reference.fields.fields.index(name)
    return _loaded(context, builder, reference.fields.types[position], _member(builder, address, position))


def _loaded(context: Any, builder: Any, kind: Any, address: Any) -> Any:
    """Return a value in memory, number by number: LLVM takes long over whole structures."""
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder)  # owned by the caller, so that nothing is counted
        made = builder.load(_member(builder, address, _ARRAY.index("data")))
        array.data, array.nitems = made, builder.load(_member(builder, address, _ARRAY.index("nitems")))
        array.itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype)))
        for part in ("shape", "strides"):
            place = _member(builder, address, _ARRAY.index(part))
            numbers = [builder.load(_member(builder, place, axis)) for axis in range(kind.ndim)]
            setattr(array, part, cgutils.pack_array(builder, numbers))
        for part in ("meminfo", "parent"):
            setattr(array, part, cgutils.get_null_value(getattr(array, part).type))
        return array._getvalue()
    if isinstance(kind, types.containers.BaseTuple):
        whole = llvm.Constant(context.get_value_type(kind), llvm.Undefined)
        for position, member in enumerate(kind.types):
            loaded = _loaded(context, builder, member, _member(builder, address, position))
            whole = builder.insert_value(whole, loaded, position)
        return whole
    return builder.load(address)


_ARRAY = ("meminfo", "parent", "nitems", "itemsize", "data", "shape", "strides")
"""The members of an array, in their order in memory (`numba.core.datamodel.models.ArrayModel`)."""


def _member(builder: Any, address: Any, position: int) -> Any:
    return cgutils.gep_inbounds(builder, address, 0, position)


@register_pass(mutates_CFG=False, analysis_only=False)
class _LookUpOnce(FunctionPass):  # type: ignore[misc]
    """Looks every field of an argument up at the beginning of a function with a loop, once: nobody can change it later."""

    _name = "look_up_fields_once"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Change the code of a function, and tell whether it was changed."""
        if not compute_cfg_from_blocks(state.func_ir.blocks).loops():
            return False  # it might end before it needs most of them
        typemap, entry = state.typemap, state.func_ir.blocks[min(state.func_ir.blocks)]
        assigned = [found for block in state.func_ir.blocks.values() for found in block.find_insts(ir.Assign)]
        arguments = _arguments(assigned, typemap)
        known: dict[tuple[str, str], ir.Var] = {}
        for found in assigned:
            value = found.value
            if not (isinstance(value, ir.Expr) and value.op == "getattr" and value.value.name in arguments):
                continue
            argument = arguments[value.value.name]
            key = (argument.target.name, value.attr)
            if key not in known:
                known[key] = ir.Var(entry.scope, f"$field.{argument.target.name}.{value.attr}", value.loc)
                typemap[known[key].name] = typemap[found.target.name]
                look = ir.Assign(ir.Expr.getattr(argument.target, value.attr, value.loc), known[key], value.loc)
                entry.body.insert(entry.body.index(argument) + 1, look)
            found.value = known[key]
        return bool(known)


def _arguments(assigned: list[Any], typemap: Any) -> dict[str, Any]:
    """Return, for every variable that is a copy of an argument by reference, where the argument comes in."""
    times: dict[str, int] = {}
    for found in assigned:
        times[found.target.name] = times.get(found.target.name, 0) + 1
    copies = {found.target.name: found for found in assigned if times[found.target.name] == 1}
    arguments: dict[str, Any] = {}
    for name in copies:
        origin = copies[name]
        while isinstance(origin.value, ir.Var) and origin.value.name in copies:
            origin = copies[origin.value.name]
        if isinstance(origin.value, ir.Arg) and isinstance(typemap[origin.target.name], Reference):
            arguments[name] = origin
    return arguments


class FieldsCompiler(CompilerBase):  # type: ignore[misc]
    """Numba's own compiler, with fields of arguments looked up once."""

    def define_pipelines(self) -> list[PassManager]:
        """Return how a function is compiled."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_LookUpOnce, PreLowerStripPhis)
        passes.finalize()
        return [passes]

"""What every widget is: modules of web/src/ put together into one ES module, traits shared with it, and a picture for
where no widget can be shown."""

from __future__ import annotations

import operator
from base64 import b64encode
from typing import Any, ClassVar

import anywidget
import traitlets

from trm_explore.config.checks import shown
from trm_explore.web import body

# The modules stand one under the other and share the names of one model. Names that Python sends as messages (a run's
# deltas) are seen by them like traits. A view says when it comes and goes.
GLUE = """
export default { render({ model, el }) {
  const view = String(Math.random()), sent = {}, listeners = {};
  const own = {
    get: (name) => (name in sent ? sent[name] : model.get(name)),
    set: (name, value) => model.set(name, value),
    save_changes: () => model.save_changes(),
    emit: (name) => model.send({ do: name }),
    on: (event, call) => { (listeners[event] ??= new Set()).add(call); model.on(event, call); },
    off: (event, call) => { listeners[event]?.delete(call); model.off(event, call); },
  };
  const hear = ({ to, ...content }) => {
    if (to != null && to !== view) return;
    for (const name in content) {
      sent[name] = content[name];
      for (const call of [...(listeners[`change:${name}`] ?? [])]) call();
    }
  };
  model.on("msg:custom", hear);
  el.dataset.lmSuppressShortcuts = "true"; // keys pressed in here are not JupyterLab's
  const disposers = MODULES.map(([name, module]) => {
    const node = document.createElement("div");
    node.className = `trm-${name}`;
    if (el.children.length) node.style.marginTop = "14px";
    el.append(node);
    return module.render({ model: own, el: node });
  });
  model.send({ do: "hello", view });
  return () => {
    model.off("msg:custom", hear);
    for (const dispose of disposers) dispose?.();
    try { model.send({ do: "bye", view }); } catch { /* there is no kernel any more */ }
  };
} };
"""
ANY_WIDGET = "application/vnd.jupyter.widget-view+json"


class Refused(traitlets.TraitError, ValueError):
    """A trait was given what it cannot be; one sentence."""


class Place(traitlets.TraitType):
    """A step or a cell: None, or a whole number of at least 0."""

    default_value, allow_none, info_text = None, True, "a whole number of at least 0, or None"

    def validate(self, widget: Any, value: Any) -> int:
        if not isinstance(value, bool) and hasattr(value, "__index__") and (place := operator.index(value)) >= 0:
            return place
        raise Refused(f"{self.name}={shown(value)} must be {self.info_text}")


def module_of(names: tuple[str, ...]) -> str:
    """One ES module that shows these modules of web/src/."""
    parts = []
    for name in names:
        text, module = body(name)
        parts.append(f"[{name!r}, (() => {{\n{text}\nreturn {module};\n}})()],\n")
    return f"const MODULES = [\n{''.join(parts)}];\n{GLUE}"


class Drawing(anywidget.AnyWidget):
    """A widget made of `modules`; a subclass has `picture`."""

    modules: ClassVar[tuple[str, ...]] = ()
    _esm = traitlets.Unicode().tag(sync=True)
    # ipywidgets 7 has this method, and IPython would prefer it to _repr_mimebundle_, which knows the picture.
    _ipython_display_ = None

    @traitlets.default("_esm")
    def _module(self) -> str:
        return module_of(self.modules)

    def picture(self) -> Any:
        """What the widget shows, as a matplotlib Figure; ValueError, one sentence, while there is nothing to draw."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **wanted: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The widget, and beside it its picture for pages that know no widgets (GitHub, nbconvert)."""
        data, metadata = super()._repr_mimebundle_(**wanted)
        try:
            png, size = self.picture()._repr_png_()
        except ValueError:
            return data, metadata
        return {**data, "image/png": b64encode(png).decode()}, {**(metadata or {}), "image/png": size}

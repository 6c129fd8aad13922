"""The terminal of ``sst dev``: a list of panes at the left, the chosen pane at the right.

    functions = LogPane("Functions", icon="λ")                       # write_line() from any thread
    web = ProcessPane("web", "npm run dev", directory=folder, environment=links)
    mux = Multiplexer([functions, web], environment=environ, prints=functions, keys={"d": ("deploy", deploy)})
    await mux.run()                                                  # until the user quits; programs have ended then

``pane.mark = "busy" | "ok" | "failed" | "idle"`` is the sign beside its title, ``pane.note`` a few characters there,
``pane.keys`` more keys while it is chosen. ``mux.add``, ``await mux.remove``, ``mux.select``, ``mux.say`` and
``mux.stop`` change it while it runs; ``await web.restart(environment=...)`` when links change. ``Mono`` takes the same
panes and prints their lines, titles before them.
"""
from .log_pane import LogPane
from .mono import Mono
from .mux import Multiplexer
from .pane import Pane, ProcessPane
from .prompt import Prompt

__all__ = ["LogPane", "Mono", "Multiplexer", "Pane", "ProcessPane", "Prompt"]

"""Turns a function's source into a zip that Lambda can run. No Docker, same input, same bytes.

    source      what to build: handler, runtime, platform, options (data)
    files       which files of a project count: ignore rules, secrets, walks
    layout      where the handler lives and what declares its dependencies (reads files, starts nothing)
    check       does the handler exist? by reading, not by importing
    uv, python  Python functions        npm, esbuild, node  JavaScript and TypeScript functions
    zip, cache  a deterministic zip writer; a content-addressed cache that survives kill -9
    artefact    fingerprint(source), build(source): the way in
"""

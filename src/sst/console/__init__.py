"""What happens in an app, for people: its graph, its calls, its deploys.

It knows the state, the recorder's file and the picture that providers draw, and no service of any cloud.

    model.py   state, recorded calls and plan -> parts, edges, what is used     layout.py  places of boxes and lines
    svg.py, mermaid.py, report.py  the same picture for files and pull requests  records.py  reads console.db
    server.py  HTTP on loopback   guard.py  who may ask   pages.py  what each page shows   act.py  what it may do
    static/    the page
"""

"""Container images without a container engine: layers of a project on a base, and the registries that hold both."""

"""Tools around tensors: drawings of the graph, tables of modules."""

from tensorxp.utils.graph import GraphDrawing, draw_graph
from tensorxp.utils.summary import summary

__all__ = ["GraphDrawing", "draw_graph", "summary"]

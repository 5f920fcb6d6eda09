from tensorxp._core.node cimport Leaf
from tensorxp._core.primitive cimport Primitive
from tensorxp._core.tensor cimport TensorBase
from tensorxp._core.views cimport View

"""MAGNET's transformers for PySpark. The JVM has the jars: magnet-spark, magnet-platform and the adapter (README.md)."""

import sys

from pyspark.ml.param import Param, TypeConverters
from pyspark.ml.util import JavaMLReadable, JavaMLWritable
from pyspark.ml.wrapper import JavaTransformer

# PySpark's reader and writer look for a class of Python where its class of Java is.
_PACKAGE = "dev.magnet.spark"
for _name in ("dev", "dev.magnet", _PACKAGE):
    sys.modules.setdefault(_name, sys.modules[__name__])


_CONVERTERS = {
    "IntParam": TypeConverters.toInt,
    "LongParam": TypeConverters.toInt,
    "DoubleParam": TypeConverters.toFloat,
    "BooleanParam": TypeConverters.toBoolean,
}


class _MagnetTransformer(JavaTransformer, JavaMLReadable, JavaMLWritable):
    """Keywords are the parameters of the Java class; explainParams() says what they mean."""

    _class = ""

    def __init__(self, **parameters):
        super().__init__()
        self._java_obj = self._new_java_obj("dev.magnet.spark." + self._class, self.uid)
        for java in self._java_obj.params():
            name = java.name()
            converter = _CONVERTERS.get(java.getClass().getSimpleName(), TypeConverters.toString)
            setattr(self, name, Param(self, name, java.doc(), converter))
            if self._java_obj.hasDefault(java):
                self._setDefault(**{name: self._java_obj.getDefault(java).get()})
        self._params = None  # those that were just made
        self.setParams(**parameters)

    def setParams(self, **parameters):
        for name, value in parameters.items():
            if not self.hasParam(name):
                raise TypeError(f"{self._class} has no parameter {name}; it has {', '.join(p.name for p in self.params)}")
        self._set(**parameters)
        return self


    def __getattr__(self, name):
        """setInputCol(column) and its like."""
        parameter = name[3:4].lower() + name[4:]
        if name.startswith("set") and parameter in self.__dict__:
            return lambda value: self.setParams(**{parameter: value})
        raise AttributeError(f"{type(self).__name__} has no attribute {name}")


class MagnetEmbedder(_MagnetTransformer):
    """A column of texts becomes a column of vectors."""

    _class = "MagnetEmbedder"
    __module__ = _PACKAGE


class MagnetScorer(_MagnetTransformer):
    """How likely each text is behind another."""

    _class = "MagnetScorer"
    __module__ = _PACKAGE


class MagnetGenerator(_MagnetTransformer):
    """A column of prompts becomes a column of continuations."""

    _class = "MagnetGenerator"
    __module__ = _PACKAGE

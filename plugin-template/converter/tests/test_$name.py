from penstock.testing import ConverterContract

from penstock_$name import ${class_name}Converter


class Test${class_name}Converter(ConverterContract):
    converter = ${class_name}Converter
    values = ("one", "größer")
    unreadable = b"xyz"

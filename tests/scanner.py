"""Reads QR codes as a phone's scanner does."""

import zxingcpp
from PIL import Image


def codes(picture: Image.Image) -> list[zxingcpp.Barcode]:
    """The QR codes in a picture. If zxing looks for every kind of code, it sometimes finds bars among the
    squares of a QR code whose content is random.
    """
    return zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)

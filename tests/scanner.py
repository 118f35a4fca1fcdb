"""A phone's scanner."""

import zxingcpp
from PIL import Image


def codes(picture: Image.Image) -> list[zxingcpp.Barcode]:
    """The QR codes in a picture. Asked for every kind of code, zxing at times finds bars among the squares of
    a QR code whose content is random.
    """
    return zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)

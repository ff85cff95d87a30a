"""X-rays as image files, as devices and archives send them: PNG, JPEG and DICOM."""

import base64
import io

import numpy as np
import numpy.typing as npt

PNG, JPEG, DICOM = "image/png", "image/jpeg", "application/dicom"

Levels = npt.NDArray[np.uint8]

_ROOT = "1.2.826.0.1.3680043.8.498."  # of pydicom's own examples
_NUMBER = 1


def data_url(levels: Levels, media_type: str = PNG) -> str:
    """What an event carries for an image (height, width), or (height, width, 3) in colour."""
    return url_of(file_of(levels, media_type), media_type)


def url_of(raw: bytes, media_type: str) -> str:
    """What an event carries for the file `raw`."""
    return f"data:{media_type};base64,{base64.b64encode(raw).decode()}"


def file_of(levels: Levels, media_type: str) -> bytes:
    """The image as a file; equal levels give equal bytes."""
    if media_type == DICOM:
        return dicom_file(levels)
    from PIL import Image

    file = io.BytesIO()
    picture = Image.fromarray(levels)
    if media_type == JPEG:
        picture.save(file, "JPEG", quality=95)
    else:
        picture.save(file, "PNG")
    return file.getvalue()


def dicom_file(levels: Levels, *, modality: str = "DX") -> bytes:
    """A DICOM file with the image and a made-up name; nothing but its pixels is read."""
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import (
        UID,
        CTImageStorage,
        DigitalXRayImageStorageForPresentation,
        ExplicitVRLittleEndian,
    )

    is_ct = modality == "CT"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = (
        CTImageStorage if is_ct else DigitalXRayImageStorageForPresentation
    )
    meta.MediaStorageSOPInstanceUID = UID(f"{_ROOT}{_NUMBER}")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    data = FileDataset(file, {}, file_meta=meta, preamble=b"\0" * 128)
    data.PatientName, data.Modality = "Doe^Jane", modality
    data.Rows, data.Columns = levels.shape
    data.SamplesPerPixel, data.PixelRepresentation = 1, 0
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit = 7
    data.PhotometricInterpretation = "MONOCHROME2"
    data.PixelData = levels.tobytes()
    pydicom.dcmwrite(file, data, enforce_file_format=True)
    return file.getvalue()

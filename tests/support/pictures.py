"""Image files for tests: good ones, and one of each fault."""

import base64
import io

import numpy as np
import numpy.typing as npt

Levels = npt.NDArray[np.uint8]


def levels(side: int = 16, seed: int = 0) -> Levels:
    """Uint8 (side, side): noise that is brighter in its upper half."""
    random = np.random.default_rng(seed)
    noise = random.integers(0, 120, (side, side))
    noise[: side // 2] += 120
    return noise.astype(np.uint8)


def file_of(picture: npt.NDArray[np.generic], kind: str = "PNG") -> bytes:
    """An image file of `picture`."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind)
    return file.getvalue()


def dicom_of(
    picture: npt.NDArray[np.uint16] | Levels,
    *,
    modality: str = "DX",
    is_inverted: bool = False,
    patient: str = "Doe^Jane",
) -> bytes:
    """A DICOM file with names in it that identify a person."""
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    data = FileDataset(file, {}, file_meta=meta, preamble=b"\0" * 128)
    data.PatientName, data.PatientID, data.Modality = patient, "4711", modality
    bits = 8 * picture.dtype.itemsize
    data.Rows, data.Columns = picture.shape
    data.SamplesPerPixel, data.PixelRepresentation = 1, 0
    data.BitsAllocated = data.BitsStored = bits
    data.HighBit = bits - 1
    data.PhotometricInterpretation = "MONOCHROME1" if is_inverted else "MONOCHROME2"
    data.PixelData = picture.tobytes()
    pydicom.dcmwrite(file, data, enforce_file_format=True)
    return file.getvalue()


def data_url(raw: bytes, media_type: str = "image/png") -> str:
    """What an event carries."""
    return f"data:{media_type};base64,{base64.b64encode(raw).decode()}"

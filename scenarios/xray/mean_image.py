"""The mean of the X-rays that the network was trained on: what a chest X-ray looks like.

`python -m scenarios.xray.mean_image` writes mean_image.png beside this file, from the images of the
setting EVERSCORE_XRAY_FOLDER. They are those of Kermany et al., "Identifying medical diagnoses and
treatable diseases by image-based deep learning" (2018), CC BY 4.0.
"""

import io
from pathlib import Path

import numpy as np

from scenarios.xray.images_file import Xrays, read_xrays, xray_folder
from scenarios.xray.patient_split import is_in_part

MEAN_IMAGE = "mean_image.png"


def mean_image(xrays: Xrays) -> bytes:
    """The mean image of the network part as a grey PNG; nobody's X-ray can be told from it."""
    from PIL import Image

    images = xrays.images[is_in_part(xrays.patients, "network")]
    levels = np.rint(images.mean(axis=0)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG", optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    path = Path(__file__).with_name(MEAN_IMAGE)
    path.write_bytes(mean_image(read_xrays(xray_folder())))
    print(f"wrote {path}")

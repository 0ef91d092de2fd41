"""A photo is what its bytes are, and leaves the hub without anything but its pixels."""

from __future__ import annotations

import io
from hashlib import sha256
from typing import Any

import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from records.hub.commands import CommandProblemCode
from records.uploads import CheckedPhoto, UploadedFile
from services.photos.photo_checks import IsolatedPhotoChecks
from services.photos.photo_program import MAX_SIDE
from tests.services.photos.sample_photos import BLUE, RED, build_empty_png, build_noise, build_photo, draw_photo

UNSUPPORTED, UNREADABLE, TOO_LARGE = (
    CommandProblemCode.UNSUPPORTED_FILE,
    CommandProblemCode.UNREADABLE_FILE,
    CommandProblemCode.FILE_TOO_LARGE,
)
GPS_IFD, GPS_LATITUDE, MODEL, ORIENTATION = 0x8825, 2, 0x0110, 0x0112


async def check(content: bytes) -> CheckedPhoto | CommandProblemCode:
    return await IsolatedPhotoChecks().check(
        UploadedFile(digest=sha256(content).hexdigest(), content=bytearray(content))
    )


async def check_sound(content: bytes) -> Image.Image:
    checked = await check(content)
    assert isinstance(checked, CheckedPhoto), checked
    image = Image.open(io.BytesIO(checked.content))
    image.load()
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (checked.width, checked.height))
    return image


def is_near(pixel: Any, colour: tuple[int, int, int]) -> bool:  # noqa: ANN401 - a pixel of Pillow
    return all(abs(one - other) < 12 for one, other in zip(pixel, colour, strict=True))


def build_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION], exif[MODEL] = 6, "a phone"
    exif.get_ifd(GPS_IFD)[GPS_LATITUDE] = tuple(TiffImagePlugin.IFDRational(each) for each in (6, 10, 30))
    return exif


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_photo_of_each_format_becomes_a_jpeg(kind: str) -> None:
    image = await check_sound(build_photo(kind))
    assert image.size == (320, 240)
    assert is_near(image.getpixel((40, 40)), BLUE)
    assert is_near(image.getpixel((300, 200)), RED)


async def test_metadata_are_removed_and_the_orientation_is_applied() -> None:
    given = build_photo(exif=build_exif(), comment=b"taken at home")
    assert Image.open(io.BytesIO(given)).getexif().get_ifd(GPS_IFD) != {}
    image = await check_sound(given)
    assert image.size == (240, 320)  # turned by 90 degrees, so that the blue quarter is at the upper right
    assert is_near(image.getpixel((200, 40)), BLUE)
    assert is_near(image.getpixel((40, 40)), RED)
    assert dict(image.getexif()) == {}
    assert image.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


async def test_colours_of_another_profile_are_converted() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"_XYZ").replace(b"bXYZ", b"rXYZ").replace(b"_XYZ", b"bXYZ")
    image = await check_sound(build_photo(icc_profile=swapped))
    assert is_near(image.getpixel((300, 200)), (20, 20, 200))
    assert "icc_profile" not in image.info


async def test_a_profile_that_cannot_be_read_counts_as_none() -> None:
    image = await check_sound(build_photo(icc_profile=b"no profile at all"))
    assert is_near(image.getpixel((40, 40)), BLUE)


async def test_a_large_photo_is_scaled() -> None:
    image = await check_sound(build_noise(4_000, 3_000, quality=60))
    assert image.size == (MAX_SIDE, 1_536)


async def test_a_second_image_in_a_jpeg_is_no_animation_because_phones_add_previews() -> None:
    written = io.BytesIO()
    draw_photo().save(written, "MPO", save_all=True, append_images=[draw_photo(32, 24)])
    assert (await check_sound(written.getvalue())).size == (320, 240)


async def test_transparent_pixels_become_white() -> None:
    written = io.BytesIO()
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(written, "PNG")
    assert is_near((await check_sound(written.getvalue())).getpixel((20, 20)), (255, 255, 255))


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "I;16", "CMYK"])
async def test_photos_in_other_modes_are_read(mode: str) -> None:
    written = io.BytesIO()
    given = Image.new("I;16", (60, 40), 40_000) if mode == "I;16" else draw_photo(60, 40).convert(mode)
    given.save(written, "JPEG" if mode == "CMYK" else "PNG")
    assert (await check_sound(written.getvalue())).size == (60, 40)


async def test_what_follows_the_photo_is_dropped() -> None:
    script = b"<script>alert(1)</script>PK\x03\x04"
    checked = await check(build_photo("PNG") + script)
    assert isinstance(checked, CheckedPhoto)
    assert script not in checked.content


def build_animation(kind: str) -> bytes:
    written = io.BytesIO()
    draw_photo().save(written, kind, save_all=True, append_images=[Image.new("RGB", (320, 240))], duration=100)
    return written.getvalue()


BAD_FILES = {
    "nothing": (b"", UNSUPPORTED),
    "HTML in a file called PNG": (b"<!doctype html><script>alert(1)</script>", UNSUPPORTED),
    "HTML behind the start of a PNG": (b"\x89PNG\r\n\x1a\n<script>alert(1)</script>", UNREADABLE),
    "HTML behind the start of a JPEG": (b"\xff\xd8\xff\xe0<script>alert(1)</script>", UNREADABLE),
    "a GIF": (build_photo("GIF"), UNSUPPORTED),
    "a TIFF": (build_photo("TIFF"), UNSUPPORTED),
    "a PDF": (build_photo("PDF"), UNSUPPORTED),
    "an SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', UNSUPPORTED),
    "a truncated JPEG": (build_noise(800, 600)[:20_000], UNREADABLE),
    "a truncated PNG": (build_noise(800, 600, "PNG")[:20_000], UNREADABLE),
    "a truncated WebP": (build_noise(800, 600, "WEBP")[:2_000], UNREADABLE),
    "an animated PNG": (build_animation("PNG"), UNSUPPORTED),
    "an animated WebP": (build_animation("WEBP"), UNSUPPORTED),
}


@pytest.mark.parametrize("name", BAD_FILES)
async def test_a_bad_file_is_refused_with_its_reason(name: str) -> None:
    content, reason = BAD_FILES[name]
    assert await check(content) is reason


@pytest.mark.parametrize(("width", "height"), [(7_072, 7_072), (30_000, 30_000), (50_001, 1_000)])
async def test_an_image_bomb_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    bomb = build_empty_png(width, height)
    assert len(bomb) < 3_000_000
    assert await check(bomb) is TOO_LARGE


async def test_a_file_that_was_too_large_to_keep_is_refused() -> None:
    assert await IsolatedPhotoChecks().check(UploadedFile(digest="0", content=None)) is TOO_LARGE

#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>

#include <cstring>
#include <tuple>
#include <variant>

#include "gil.h"
#include "held_bytes.h"
#include "image_decoder.h"
#include "module.h"

namespace nb = nanobind;

namespace fastdata {
namespace {

using Array = nb::ndarray<nb::numpy>;
using Numbers = std::tuple<int, int, int, int>;

/// A NumPy array that owns a copy of the pixels, (height, width, channels).
template <class T>
Array copied(const Pixels<T>& pixels) {
    const auto height = static_cast<std::size_t>(pixels.window.height);
    const auto row = static_cast<std::size_t>(pixels.window.width * pixels.channels);
    auto* data = new T[height * row];
    nb::capsule owner(data, [](void* memory) noexcept { delete[] static_cast<T*>(memory); });
    for (std::size_t y = 0; y < height; ++y) {
        std::memcpy(data + y * row,
                    pixels.data + static_cast<std::ptrdiff_t>(y) * pixels.row_stride,
                    row * sizeof(T));
    }
    return Array(data,
                 {height, row / static_cast<std::size_t>(pixels.channels),
                  static_cast<std::size_t>(pixels.channels)},
                 owner, {}, nb::dtype<T>());
}

Rect rect_of(Numbers numbers) {
    const auto [top, left, height, width] = numbers;
    return {top, left, height, width};
}

Numbers numbers_of(Rect rect) { return {rect.top, rect.left, rect.height, rect.width}; }

void construct(ImageDecoder* decoder, bool portable) {
    new (decoder) ImageDecoder(portable ? portable_jpeg_kernels() : best_jpeg_kernels());
}

std::tuple<int, int, int> open_file(ImageDecoder& decoder, nb::handle file) {
    const HeldBytes held(file);
    const StoredImage image = decoder.open(held.bytes());
    return {image.height, image.width, image.orientation};
}

std::tuple<Array, Numbers, int> decode_file(ImageDecoder& decoder, nb::handle file, int channels,
                                            Numbers wanted, int max_denominator) {
    const HeldBytes held(file);
    Pixels<std::uint8_t> pixels;
    {
        const GilReleased released;
        decoder.open(held.bytes());
        pixels = decoder.pixels(channels, rect_of(wanted), max_denominator);
    }
    return {copied(pixels), numbers_of(pixels.window), pixels.denominator};
}

Array decode_ids(ImageDecoder& decoder, nb::handle file, Numbers wanted) {
    const HeldBytes held(file);
    decoder.open(held.bytes());
    return std::visit([](const auto& ids) { return copied(ids); }, decoder.ids(rect_of(wanted)));
}

}  // namespace

void bind_decode(nb::module_& module) {
    nb::class_<ImageDecoder>(module, "ImageDecoder", "One thread's decoder, for tests.")
        .def("__init__", construct, nb::kw_only(), nb::arg("portable") = false)
        .def("open", open_file, nb::arg("file"))
        .def("pixels", decode_file, nb::arg("file"), nb::arg("channels"), nb::arg("wanted"),
             nb::arg("max_denominator") = 1)
        .def("ids", decode_ids, nb::arg("file"), nb::arg("wanted"));
}

}  // namespace fastdata

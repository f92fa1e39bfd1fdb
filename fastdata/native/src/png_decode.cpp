#include "png_decode.h"

#include <libdeflate.h>

#include <cstddef>
#include <cstring>
#include <new>

#include "errors.h"
#include "png_filter.h"
#include "png_samples.h"

namespace fastdata {
namespace {

template <class T>
Pixels<T> described(const Png& png, int channels, Rect wanted) {
    Pixels<T> result;
    result.channels = channels;
    result.window = wanted;
    result.height = png.height;
    result.width = png.width;
    return result;
}

}  // namespace

std::string png_library() { return "libdeflate " LIBDEFLATE_VERSION_STRING; }

PngDecoder::PngDecoder() : decompressor_(libdeflate_alloc_decompressor()) {
    if (!decompressor_) throw std::bad_alloc();
}

PngDecoder::~PngDecoder() = default;

void PngDecoder::Free::operator()(libdeflate_decompressor* decompressor) const {
    libdeflate_free_decompressor(decompressor);
}

Pixels<std::uint8_t> PngDecoder::pixels(const Png& png, int channels, Rect wanted) {
    auto result = described<std::uint8_t>(png, channels, wanted);
    const std::size_t stride = png.row_bytes() + 1;
    const std::uint8_t* row = rows(png, wanted) + static_cast<std::size_t>(wanted.top) * stride;
    const bool as_stored = png.bits == 8 && (png.colour == Png::gray || png.colour == Png::rgb);
    if (as_stored && png.samples() == channels) {
        result.data = row + static_cast<std::ptrdiff_t>(wanted.left) * channels;
        result.row_stride = static_cast<std::ptrdiff_t>(stride);
        return result;
    }
    const auto columns = static_cast<std::size_t>(wanted.width);
    const std::size_t out_stride = columns * static_cast<std::size_t>(channels);
    std::uint8_t* made = samples_.get(columns * static_cast<std::size_t>(png.samples()));
    std::uint8_t* out = pixels_.get(out_stride * static_cast<std::size_t>(wanted.height));
    result.data = out;
    result.row_stride = static_cast<std::ptrdiff_t>(out_stride);
    for (int i = 0; i < wanted.height; ++i, row += stride, out += out_stride) {
        const auto* samples = png_samples(png, row, wanted.left, wanted.width, made);
        png_pixels(png, samples, wanted.width, channels, out);
    }
    return result;
}

Ids PngDecoder::ids(const Png& png, Rect wanted) {
    if (png.samples() != 1) throw NotHere("a mask of several samples");
    if (png.bits == 16) return wide_ids(png, wanted);
    auto result = described<std::uint8_t>(png, 1, wanted);
    const std::size_t stride = png.row_bytes() + 1;
    const std::uint8_t* row = rows(png, wanted) + static_cast<std::size_t>(wanted.top) * stride;
    if (png.bits == 8) {
        result.data = row + wanted.left;
        result.row_stride = static_cast<std::ptrdiff_t>(stride);
        return result;
    }
    const auto columns = static_cast<std::size_t>(wanted.width);
    std::uint8_t* out = pixels_.get(columns * static_cast<std::size_t>(wanted.height));
    result.data = out;
    result.row_stride = wanted.width;
    for (int i = 0; i < wanted.height; ++i, row += stride, out += columns) {
        png_samples(png, row, wanted.left, wanted.width, out);
    }
    return result;
}

Pixels<std::uint16_t> PngDecoder::wide_ids(const Png& png, Rect wanted) {
    auto result = described<std::uint16_t>(png, 1, wanted);
    const std::size_t stride = png.row_bytes() + 1;
    const std::uint8_t* row = rows(png, wanted) + static_cast<std::size_t>(wanted.top) * stride;
    const auto count =
        static_cast<std::size_t>(wanted.height) * static_cast<std::size_t>(wanted.width);
    auto* out = reinterpret_cast<std::uint16_t*>(pixels_.get(2 * count));
    result.data = out;
    result.row_stride = wanted.width;
    for (int i = 0; i < wanted.height; ++i, row += stride) {
        const std::uint8_t* bytes = row + 2 * static_cast<std::ptrdiff_t>(wanted.left);
        for (int j = 0; j < wanted.width; ++j, bytes += 2) {
            *out++ = static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
        }
    }
    return result;
}

const std::uint8_t* PngDecoder::rows(const Png& png, Rect wanted) {
    const std::size_t size = png.row_bytes();
    const std::size_t total = (size + 1) * static_cast<std::size_t>(png.height);
    // A row of zeros first, which the first row is predicted from.
    std::uint8_t* above = inflated_.get(size + total + 1);
    std::uint8_t* const first = above + size;
    std::memset(above, 0, size);
    std::uint8_t* row = first;
    inflate(png, row, total);
    const int pixel_bytes = (png.bits * png.samples() + 7) / 8;
    for (int y = 0; y < wanted.top + wanted.height; ++y) {
        const int filter = *row++;
        if (filter > 4) throw NotHere("a PNG row of an unknown filter");
        unfilter_png_row(filter, row, above, size, pixel_bytes);
        above = row;
        row += size;
    }
    return first + 1;
}

void PngDecoder::inflate(const Png& png, std::uint8_t* out, std::size_t size) {
    if (png.data.empty()) throw NotHere("a PNG without pixels");
    Bytes stream = png.data[0];
    if (png.data.size() > 1) {
        stream.size = 0;
        for (const Bytes part : png.data) stream.size += part.size;
        std::uint8_t* joined = joined_.get(stream.size);
        stream.data = joined;
        for (const Bytes part : png.data) {
            std::memcpy(joined, part.data, part.size);
            joined += part.size;
        }
    }
    std::size_t used = 0;
    std::size_t made = 0;
    const auto result = libdeflate_zlib_decompress_ex(decompressor_.get(), stream.data, stream.size,
                                                      out, size, &used, &made);
    if (result != LIBDEFLATE_SUCCESS || made != size) throw NotHere("a PNG of odd compressed data");
}

}  // namespace fastdata

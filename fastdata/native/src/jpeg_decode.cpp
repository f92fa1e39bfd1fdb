#include "jpeg_decode.h"

#include <algorithm>
#include <string>
#include <vector>

#include "errors.h"
#include "gray.h"
#include "jpeg_library.h"
#include "jpeg_shrink.h"

namespace fastdata {
namespace {

/// Columns and rows beside the wanted ones that libjpeg must see: where it starts and stops it
/// takes the cut for the picture's edge, and smooths colours differently there.
constexpr int kMargin = 2;

void start(JpegLibrary& jpeg, int channels, int denominator) {
    auto& state = jpeg.state();
    jpeg.run([&] {
        jpeg_read_header(&state, TRUE);
        const bool gray = channels == 1 && state.num_components == 1;
        state.out_color_space = gray ? JCS_GRAYSCALE : JCS_RGB;
        state.dct_method = JDCT_ISLOW;
        state.scale_num = 1;
        state.scale_denom = static_cast<unsigned>(denominator);
        jpeg_start_decompress(&state);
    });
}

/// libjpeg-turbo makes components of few samples smaller by less than the others, and its narrowing
/// forgets it, which shows where they need to be enlarged even so.
bool can_narrow(const jpeg_decompress_struct& state) {
    return state.scale_denom == 1 ||
           std::max(state.max_h_samp_factor, state.max_v_samp_factor) <= 2;
}

/// Narrows libjpeg to the columns around the wanted ones; returns the first of them.
int narrow(JpegLibrary& jpeg, Rect wanted) {
    auto& state = jpeg.state();
    const int width = static_cast<int>(state.output_width);
    const int left = std::max(0, wanted.left - kMargin);
    const int right = std::min(width, wanted.left + wanted.width + kMargin);
    JDIMENSION first = static_cast<JDIMENSION>(left);
    JDIMENSION count = static_cast<JDIMENSION>(right - left);
    if ((first == 0 && right == width) || !can_narrow(state)) return 0;
    jpeg.run([&] { jpeg_crop_scanline(&state, &first, &count); });
    return static_cast<int>(first);
}

/// Reads `wanted` rows into `pixels`, from the top of the file down to the last of them.
void read(JpegLibrary& jpeg, Rect wanted, std::uint8_t* pixels, std::size_t row_bytes,
          std::vector<std::uint8_t*>& rows) {
    auto& state = jpeg.state();
    const int skipped = std::max(0, wanted.top - kMargin);
    const int bottom = wanted.top + wanted.height;
    // Rows above the wanted ones go to where the first of those follows them.
    rows.resize(static_cast<std::size_t>(bottom - skipped));
    for (int row = skipped; row < bottom; ++row) {
        const int kept = std::max(row - wanted.top, 0);
        rows[static_cast<std::size_t>(row - skipped)] =
            pixels + static_cast<std::size_t>(kept) * row_bytes;
    }
    jpeg.run([&] {
        if (skipped > 0) jpeg_skip_scanlines(&state, static_cast<JDIMENSION>(skipped));
        while (static_cast<int>(state.output_scanline) < bottom) {
            const auto done = static_cast<int>(state.output_scanline) - skipped;
            const auto left = static_cast<JDIMENSION>(bottom - skipped - done);
            jpeg_read_scanlines(&state, rows.data() + done, left);
        }
    });
}

/// libjpeg reads the header again, from bytes that another process may have changed meanwhile.
void check_covers(const Pixels<std::uint8_t>& picture) {
    const Rect& window = picture.window;
    if (window.top + window.height <= picture.height && window.left + window.width <= picture.width)
        return;
    throw BadInput("the JPEG has " + std::to_string(picture.height) + " x " +
                   std::to_string(picture.width) +
                   " pixels when it is decoded, and had more before; leave files alone while they "
                   "are read");
}

}  // namespace

Pixels<std::uint8_t> JpegDecoder::decode(Bytes file, int channels, Rect wanted, int denominator) {
    JpegLibrary jpeg(file);
    start(jpeg, channels, denominator);
    auto& state = jpeg.state();
    Pixels<std::uint8_t> result;
    result.height = static_cast<int>(state.output_height);
    result.width = static_cast<int>(state.output_width);
    result.channels = channels;
    result.denominator = denominator;
    result.window = shrunk(wanted, denominator);
    check_covers(result);
    const int first = narrow(jpeg, result.window);
    const auto made = static_cast<std::size_t>(state.output_components);
    const std::size_t row_bytes = state.output_width * made;
    std::uint8_t* pixels = pixels_.get(row_bytes * static_cast<std::size_t>(result.window.height));
    read(jpeg, result.window, pixels, row_bytes, rows_);
    if (channels == 1 && made == 3) {
        for (int row = 0; row < result.window.height; ++row) {
            std::uint8_t* line = pixels + static_cast<std::size_t>(row) * row_bytes;
            gray_of_rgb(line, state.output_width, 3, line);
        }
    }
    result.row_stride = static_cast<std::ptrdiff_t>(row_bytes);
    result.data = pixels + (result.window.left - first) * channels;
    return result;
}

}  // namespace fastdata

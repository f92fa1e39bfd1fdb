#include "jpeg_transcode.h"

#include <algorithm>

#include "errors.h"
#include "jpeg_header.h"
#include "jpeg_library.h"
#include "jpeg_writer.h"

namespace fastdata {

namespace {

constexpr int kBlock = 8;

/// Whether the file ends before all bits of all coefficients came. libjpeg then smooths the picture
/// while it decodes it, which it would not do for the result.
bool is_unfinished(const jpeg_decompress_struct& state) {
    if (!state.progressive_mode || !state.coef_bits) return false;
    for (int part = 0; part < state.num_components; ++part)
        for (const int bits : state.coef_bits[part])
            if (bits != 0) return true;
    return false;
}

/// The largest divisor of a row's units that is not wider than `segment_width` pixels, or 1.
int restart_interval_for(const JpegHeader& header, int segment_width) {
    int most = 1;
    for (int i = 0; header.channels > 1 && i < header.channels; ++i)
        most = std::max(most, header.components[static_cast<std::size_t>(i)].horizontal);
    const int unit = kBlock * most;
    const int across = (header.width + unit - 1) / unit;
    int interval = std::max(1, std::min(segment_width / unit, across));
    while (across % interval) --interval;
    return interval;
}

/// Throws BadInput also for sampling factors that libjpeg finds only once it makes pixels.
JpegHeader checked_header(Bytes data, const Limits& limits) {
    JpegHeader header = parse_jpeg_header(data, limits);
    int across = 1, down = 1;
    for (int i = 0; i < header.channels; ++i) {
        across = std::max(across, header.components[static_cast<std::size_t>(i)].horizontal);
        down = std::max(down, header.components[static_cast<std::size_t>(i)].vertical);
    }
    for (int i = 0; i < header.channels; ++i) {
        const JpegComponent& part = header.components[static_cast<std::size_t>(i)];
        if (!part.horizontal || !part.vertical || across % part.horizontal || down % part.vertical)
            throw BadInput(
                "unsupported: JPEG with fractions between its sampling factors; expected factors "
                "that divide the largest; convert it");
    }
    return header;
}

/// All coefficients; a file that ends early or where libjpeg warns throws BadInput.
jvirt_barray_ptr* read_coefficients(JpegLibrary& source) {
    jvirt_barray_ptr* coefficients = nullptr;
    source.run([&] {
        jpeg_read_header(&source.state(), TRUE);
        coefficients = jpeg_read_coefficients(&source.state());
    });
    return coefficients;
}

}  // namespace

bool transcode_jpeg(Bytes data, const Limits& limits, int segment_width,
                    std::vector<std::uint8_t>& out) {
    const JpegHeader header = checked_header(data, limits);
    JpegLibrary source(data);
    jvirt_barray_ptr* coefficients = read_coefficients(source);
    if (is_unfinished(source.state())) return false;
    const int interval = restart_interval_for(header, segment_width);
    return JpegWriter().write(source.state(), coefficients, interval, header.orientation, out);
}

void check_jpeg(Bytes data, const Limits& limits) {
    checked_header(data, limits);
    JpegLibrary source(data);
    read_coefficients(source);
}

}  // namespace fastdata

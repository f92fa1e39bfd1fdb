#include "jpeg_frame.h"

#include <algorithm>
#include <cstring>

namespace fastdata {
namespace {

constexpr int kQuantisers = 0xDB, kHuffman = 0xC4, kApp0 = 0xE0, kApp14 = 0xEE;
// Of arithmetic coding, and of another length than a restart interval has.
constexpr int kConditioning = 0xCC, kRestartInterval = 0xDD;

Bytes payload_of(Bytes file, const JpegSegment& segment) {
    const std::size_t start = segment.start + 4;
    if (start > segment.end) return {};
    return {file.data + start, segment.end - start};
}

bool starts_with(Bytes bytes, const char* text, std::size_t size) {
    return bytes.size >= size && std::memcmp(bytes.data, text, size) == 0;
}

/// Tables as a file defines them, by their number.
struct Definitions {
    Bytes quantisers[4];
    bool wide[4] = {};
    Bytes huffman[2][4];  ///< Counts, then symbols; first for DC, then for AC.

    bool take_quantisers(Bytes bytes) {
        while (bytes.size > 0) {
            const bool is_wide = bytes.data[0] >> 4 == 1;
            const int number = bytes.data[0] & 15;
            const std::size_t size = is_wide ? 129 : 65;
            if (bytes.data[0] >> 4 > 1 || number > 3 || bytes.size < size) return false;
            quantisers[number] = {bytes.data + 1, size - 1};
            wide[number] = is_wide;
            bytes = {bytes.data + size, bytes.size - size};
        }
        return true;
    }

    bool take_huffman(Bytes bytes) {
        while (bytes.size > 0) {
            const int kind = bytes.data[0] >> 4;
            const int number = bytes.data[0] & 15;
            if (kind > 1 || number > 3 || bytes.size < 17) return false;
            std::size_t size = 17;
            for (int i = 1; i <= 16; ++i) size += bytes.data[i];
            if (size > bytes.size || size > 17 + 256) return false;
            huffman[kind][number] = {bytes.data + 1, size - 1};
            bytes = {bytes.data + size, bytes.size - size};
        }
        return true;
    }

    bool use(int quantiser, int dc, int ac, JpegTables& tables) const {
        if (quantiser > 3 || dc > 3 || ac > 3) return false;
        const Bytes values = quantisers[quantiser];
        if (!values.data || !huffman[0][dc].data || !huffman[1][ac].data) return false;
        for (int i = 0; i < 64; ++i) {
            const int factor =
                wide[quantiser] ? values.data[2 * i] << 8 | values.data[2 * i + 1] : values.data[i];
            tables.factors[kZigzag[i]] = static_cast<std::int16_t>(factor);
        }
        return build(huffman[0][dc], tables.dc) && build(huffman[1][ac], tables.ac);
    }

    template <class Codes>
    static bool build(Bytes table, Codes& codes) {
        return codes.build(table.data, table.data + 16, static_cast<int>(table.size) - 16);
    }
};

/// Whether libjpeg would warn of a segment, or refuse it, that no pixels depend on.
bool is_odd(const JpegSegment& segment, Bytes payload) {
    if (segment.marker == kConditioning || segment.marker == kRestartInterval) return true;
    const bool is_jfif =
        segment.marker == kApp0 && payload.size >= 14 && starts_with(payload, "JFIF\0", 5);
    return is_jfif && payload.data[5] != 1;
}

/// Whether three components are certainly luma and chroma, by the rules of libjpeg.
bool is_ycbcr(Bytes file, const JpegHeader& header) {
    for (const JpegSegment& segment : header.segments) {
        const Bytes payload = payload_of(file, segment);
        if (segment.marker == kApp0 && payload.size >= 14 && starts_with(payload, "JFIF\0", 5)) {
            return true;
        }
    }
    bool has_adobe = false;
    for (const JpegSegment& segment : header.segments) {
        const Bytes payload = payload_of(file, segment);
        if (segment.marker != kApp14 || !starts_with(payload, "Adobe", 5)) continue;
        if (payload.size < 12 || payload.data[11] != 1) return false;
        has_adobe = true;
    }
    const auto& c = header.components;
    return has_adobe || (c[0].id == 1 && c[1].id == 2 && c[2].id == 3);
}

}  // namespace

bool JpegFrame::read(Bytes file, const JpegHeader& header) {
    if (header.frame > 0xC1 || header.channels > 3 || header.has_many_scans()) return false;
    if (header.has_stray_bytes) return false;
    if (header.channels == 3 && !is_ycbcr(file, header)) return false;
    return read_sampling(header) && read_tables(file, header);
}

bool JpegFrame::read_sampling(const JpegHeader& header) {
    const JpegComponent& first = header.components[0];
    if (std::min(first.horizontal, first.vertical) < 1) return false;
    if (std::max(first.horizontal, first.vertical) > 4) return false;
    height = header.height;
    width = header.width;
    components = header.channels;
    // The factors of a single component say nothing.
    horizontal = components == 1 ? 1 : first.horizontal;
    vertical = components == 1 ? 1 : first.vertical;
    if (horizontal < vertical || horizontal > 2) return false;
    for (std::size_t i = 1; i < static_cast<std::size_t>(components); ++i) {
        if (header.components[i].horizontal != 1 || header.components[i].vertical != 1)
            return false;
    }
    // libjpeg does not smooth so few columns.
    if (horizontal == 2 && width <= 4) return false;
    across = (width + mcu_width() - 1) / mcu_width();
    down = (height + mcu_height() - 1) / mcu_height();
    restart_interval = header.restart_interval ? header.restart_interval : across * down;
    return true;
}

bool JpegFrame::read_tables(Bytes file, const JpegHeader& header) {
    Definitions defined;
    Bytes frame;
    for (const JpegSegment& segment : header.segments) {
        const Bytes payload = payload_of(file, segment);
        if (is_odd(segment, payload)) return false;
        if (segment.marker == kQuantisers && !defined.take_quantisers(payload)) return false;
        if (segment.marker == kHuffman && !defined.take_huffman(payload)) return false;
        if (segment.marker == header.frame) frame = payload;
    }
    const Bytes scan = payload_of(file, header.scan);
    const auto count = static_cast<std::size_t>(components);
    if (scan.size != 4 + 2 * count || scan.data[0] != count || frame.size != 6 + 3 * count)
        return false;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t* in_scan = scan.data + 1 + 2 * i;
        const std::uint8_t* in_frame = frame.data + 6 + 3 * i;
        if (in_scan[0] != in_frame[0]) return false;
        if (!defined.use(in_frame[2], in_scan[1] >> 4, in_scan[1] & 15, tables[i])) return false;
    }
    // The whole spectrum at full precision is all that a baseline scan can hold.
    return std::memcmp(scan.data + 1 + 2 * count, "\x00\x3F\x00", 3) == 0;
}

}  // namespace fastdata

#include "jpeg_header.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "errors.h"
#include "jpeg_markers.h"
#include "orientation.h"

namespace fastdata {

namespace {

constexpr int kMaxParts = 200'000;
constexpr int kStartOfScan = 0xDA, kEndOfImage = 0xD9, kRestartInterval = 0xDD;
constexpr int kApp0 = 0xE0, kApp1 = 0xE1, kApp14 = 0xEE, kComment = 0xFE;

[[noreturn]] void damaged(const std::string& what) {
    throw BadInput("the JPEG is damaged: " + what + "; replace the file or leave it out");
}

[[noreturn]] void cut_off() { damaged("the header is cut off inside a segment"); }

std::string hex(int marker) {
    constexpr char digits[] = "0123456789ABCDEF";
    return std::string("0xFF") + digits[marker >> 4] + digits[marker & 15];
}

bool is_frame(int marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// Markers that a header may hold and that have a length.
bool is_known(int marker) {
    return is_frame(marker) || marker == 0xC4 || marker == 0xCC ||
           (marker >= 0xDA && marker <= 0xDD) || (marker >= kApp0 && marker <= 0xEF) ||
           marker == kComment;
}

/// Whether a decoder's pixels can depend on it: tables, frame, and what tells the colours.
bool is_needed(int marker) {
    return marker != kComment && (marker < kApp0 || marker == kApp0 || marker == kApp14);
}

const char* unsupported(int marker) {
    switch (marker) {
        case 0xC3:
            return "lossless";
        case 0xC7:
            return "lossless differential";
        case 0xCB:
            return "lossless arithmetic-coded";
        case 0xCF:
            return "lossless differential arithmetic-coded";
        case 0xC9:
            return "arithmetic-coded";
        case 0xCA:
            return "arithmetic-coded progressive";
        default:
            return "hierarchical";
    }
}

/// Any number of 0xFF may stand before a marker, nothing else.
bool has_stray_bytes(Bytes data, std::size_t from, std::size_t to) {
    return std::any_of(data.data + from, data.data + to, [](int byte) { return byte != 0xFF; });
}

class Walk {
  public:
    explicit Walk(Bytes data) : data_(data) {}

    JpegHeader header() {
        std::size_t at = 2;
        for (int part = 0; part < kMaxParts; ++part) {
            at = segment(at);
            if (!header_.scan.marker) continue;
            header_.orientation = orientation();
            return std::move(header_);
        }
        damaged("more than " + std::to_string(kMaxParts) + " segments before the first scan");
    }

  private:
    /// Takes in the next segment at or after byte `at`; returns where the one after it may start.
    std::size_t segment(std::size_t at) {
        const std::size_t start = find_marker(data_, at);
        if (start == data_.size) damaged("the header ends before any image data");
        header_.has_stray_bytes |= has_stray_bytes(data_, at, start);
        const int marker = data_.data[start + 1];
        if (marker == 0x01 || is_restart_marker(marker)) return start + 2;
        if (!is_known(marker)) damaged("marker " + hex(marker) + " where the image should start");
        const int length = two_bytes(start + 2);
        if (length < 2)
            damaged("a segment (" + hex(marker) + ") of length " + std::to_string(length));
        const std::size_t end = start + 2 + static_cast<std::size_t>(length);
        take({marker, start, std::min(end, data_.size)}, length);
        return end;
    }

    void take(JpegSegment part, int length) {
        const Bytes payload{data_.data + part.start + 4, part.end - part.start - 4};
        if (part.marker == kStartOfScan) return scan(part);
        if (part.marker == kApp1) return metadata(payload);
        if (is_frame(part.marker)) frame(part.marker, payload);
        if (part.marker == kRestartInterval && length == 4 && payload.size == 2)
            header_.restart_interval = two_bytes(part.start + 4);
        else if (is_needed(part.marker))
            header_.segments.push_back(part);
    }

    void scan(JpegSegment part) {
        if (!header_.frame) damaged("a scan before any frame header");
        if (part.start + 4 >= data_.size) cut_off();
        header_.scan_channels = data_.data[part.start + 4];
        header_.scan = part;
    }

    void frame(int marker, Bytes payload) {
        if (header_.frame) damaged("two frame headers");
        if (marker > 0xC2)
            throw BadInput(std::string("unsupported: ") + unsupported(marker) +
                           " JPEG; expected baseline or progressive; convert it");
        if (payload.size < 6) cut_off();
        const std::uint8_t* bytes = payload.data;
        if (bytes[0] != 8)
            throw BadInput("unsupported: " + std::to_string(bytes[0]) +
                           "-bit JPEG; expected 8 bits; convert it");
        const int channels = bytes[5];
        if (channels != 1 && channels != 3 && channels != 4)
            throw BadInput("unsupported: JPEG of " + std::to_string(channels) +
                           " components; expected 1, 3 or 4; convert it");
        if (payload.size != 6 + 3 * static_cast<std::size_t>(channels))
            damaged("a frame header of " + std::to_string(payload.size) + " bytes for " +
                    std::to_string(channels) + " components");
        header_.frame = marker;
        header_.bits = bytes[0];
        header_.height = bytes[1] << 8 | bytes[2];
        header_.width = bytes[3] << 8 | bytes[4];
        header_.channels = channels;
        for (int i = 0; i < channels; ++i)
            header_.components[static_cast<std::size_t>(i)] = {
                bytes[6 + 3 * i], bytes[7 + 3 * i] >> 4, bytes[7 + 3 * i] & 15};
    }

    void metadata(Bytes payload) {
        constexpr std::string_view exif("Exif\0\0", 6), xmp("http://ns.adobe.com/xap/1.0/\0", 29);
        const std::string_view text(reinterpret_cast<const char*>(payload.data), payload.size);
        if (text.substr(0, exif.size()) == exif)
            // A long block goes on in further segments, each with the same prefix.
            exif_.insert(exif_.end(), payload.data + (exif_.empty() ? 0 : exif.size()),
                         payload.data + payload.size);
        else if (text.substr(0, xmp.size()) == xmp)
            xmp_ = {payload.data + xmp.size(), payload.size - xmp.size()};
    }

    int orientation() const {
        int found = exif_orientation({exif_.data(), exif_.size()});
        if (!found) found = xmp_orientation(xmp_);
        return found ? found : 1;
    }

    int two_bytes(std::size_t at) const {
        if (at + 2 > data_.size) cut_off();
        return data_.data[at] << 8 | data_.data[at + 1];
    }

    Bytes data_;
    JpegHeader header_;
    std::vector<std::uint8_t> exif_;
    Bytes xmp_;
};

/// Scans from the first one on; segments between them are stepped over, so that none can hide.
int count_scans(Bytes data, std::size_t at) {
    int scans = 1;
    for (int part = 0; part < kMaxParts; ++part) {
        at = find_scan_end(data, at);
        if (at == data.size) return scans;
        const int marker = data.data[at + 1];
        if (marker == kEndOfImage || !is_known(marker) || at + 4 > data.size) return scans;
        scans += marker == kStartOfScan;
        at += 2 + static_cast<std::size_t>(std::max(2, data.data[at + 2] << 8 | data.data[at + 3]));
    }
    return kMaxParts;
}

}  // namespace

JpegHeader parse_jpeg_header(Bytes data, const Limits& limits) {
    if (data.size < 3 || data.data[0] != 0xFF || data.data[1] != 0xD8 || data.data[2] != 0xFF)
        throw BadInput("the file does not start as a JPEG; replace it or leave it out");
    JpegHeader header = Walk(data).header();
    limits.check_size(header.height, header.width);
    if (header.has_many_scans()) {
        header.scans = count_scans(data, header.scan.end);
        limits.check_scans(header.scans, header.height, header.width);
    }
    return header;
}

}  // namespace fastdata

#include "jpeg_batch.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "errors.h"
#include "geometry.h"
#include "image_decoder.h"
#include "jpeg_crop.h"
#include "jpeg_header.h"
#include "jpeg_transcode.h"
#include "pool.h"

namespace fastdata {
namespace {

/// Some files go on behind their end; compressed data never hold its marker.
constexpr std::size_t kTailBytes = 1024;
/// After one huge crop a thread does not keep its memory for good.
constexpr std::size_t kKept = 16u << 20;
constexpr int kApp14 = 0xEE;
/// In an Adobe segment: marker and length, "Adobe", version and two times flags, then the colours.
constexpr std::size_t kAdobeName = 4, kAdobeColours = 4 + 5 + 2 + 2 + 2;

std::size_t aligned(std::size_t size) {
    constexpr std::size_t unit = JpegCrops::kAlignment;
    return (size + unit - 1) / unit * unit;
}

JpegHeader header_of(Bytes file) {
    if (file.size < 3 || std::memcmp(file.data, "\xFF\xD8\xFF", 3) != 0) throw NotHere("no JPEG");
    return parse_jpeg_header(file);
}

Rect box_in(const JpegHeader& header, const std::int64_t* box) {
    const std::int64_t top = box[0], left = box[1], height = box[2], width = box[3];
    if (std::min(top, left) < 0 || std::min(height, width) < 1 || height > header.height ||
        width > header.width || top > header.height - height || left > header.width - width) {
        throw NotHere("a box outside the picture");
    }
    return {static_cast<int>(top), static_cast<int>(left), static_cast<int>(height),
            static_cast<int>(width)};
}

/// Whether an Adobe segment says that the components are no YCbCr.
bool stores_rgb(Bytes file, const JpegHeader& header) {
    return std::any_of(header.segments.begin(), header.segments.end(), [&](const auto& part) {
        const std::uint8_t* bytes = file.data + part.start;
        return part.marker == kApp14 && part.end - part.start > kAdobeColours &&
               std::memcmp(bytes + kAdobeName, "Adobe", 5) == 0 && bytes[kAdobeColours] == 0;
    });
}

bool has_end(Bytes file) {
    const std::string_view bytes(reinterpret_cast<const char*>(file.data), file.size);
    const std::size_t tail = file.size - std::min(file.size, kTailBytes);
    return bytes.substr(tail).find("\xFF\xD9") != std::string_view::npos;
}

bool is_damaged(Bytes file) {
    try {
        check_jpeg(file, {});
    } catch (const BadInput&) {
        return true;
    }
    return false;
}

bool is_plain(Bytes file, const std::int32_t* size, bool checks) {
    constexpr std::string_view png("\x89PNG\r\n\x1A\n");
    if (file.size >= png.size() && std::memcmp(file.data, png.data(), png.size()) == 0) {
        return false;
    }
    const JpegHeader header = header_of(file);
    StoredImage{header.height, header.width, header.orientation}.check_upright(size[0], size[1]);
    // One that is cut off is left to our own decoder, which refuses it in words.
    return has_end(file) && header.orientation == 1 && header.channels != 4 &&
           !stores_rgb(file, header) && !(checks && is_damaged(file));
}

/// Takes in files from several threads.
class Crops {
  public:
    explicit Crops(const JpegCrops& crops) : crops_(crops) {}

    void make(std::size_t at, Bytes file, const std::int64_t* box) {
        thread_local std::vector<std::uint8_t> small;
        const JpegHeader header = header_of(file);
        Rect covered;
        if (crop_jpeg(file, header, box_in(header, box), 1, small, covered)) {
            set(at, put(small), static_cast<std::int64_t>(small.size()), covered);
        } else {
            set(at, 0, -1, {0, 0, header.height, header.width});
        }
        if (small.capacity() > kKept) small = {};
    }

    void clear(std::size_t at) { set(at, 0, 0, {}); }

  private:
    std::int64_t put(const std::vector<std::uint8_t>& small) {
        const std::size_t start = next_.fetch_add(aligned(small.size()));
        if (start > crops_.capacity || small.size() > crops_.capacity - start) {
            throw std::length_error("crops need more room than their sources");
        }
        std::memcpy(crops_.data + start, small.data(), small.size());
        return static_cast<std::int64_t>(start);
    }

    void set(std::size_t at, std::int64_t offset, std::int64_t length, Rect shown) {
        crops_.offsets[at] = offset;
        crops_.lengths[at] = length;
        crops_.origins[2 * at] = shown.top;
        crops_.origins[2 * at + 1] = shown.left;
        crops_.sizes[2 * at] = shown.height;
        crops_.sizes[2 * at + 1] = shown.width;
    }

    const JpegCrops& crops_;
    std::atomic<std::size_t> next_{0};
};

}  // namespace

std::size_t room_for_crops(const std::vector<Bytes>& files) {
    std::size_t room = 0;
    // A crop holds parts of its source, each once; a restart interval only where that has one.
    for (const Bytes& file : files) room += aligned(file.size);
    return room;
}

std::vector<Failure> crop_jpegs(const std::vector<Bytes>& files, const std::int64_t* boxes,
                                const JpegCrops& crops, int threads) {
    Crops made(crops);
    Failures failures;
    parallel_for(files.size(), threads, [&](std::size_t i) {
        made.clear(i);
        failures.watch(i, [&] { made.make(i, files[i], boxes + 4 * i); }, [] {});
    });
    return failures.sorted();
}

std::vector<Failure> jpeg_kinds(const std::vector<Bytes>& files, const std::int32_t* sizes,
                                bool checks, bool* plain, int threads) {
    Failures failures;
    parallel_for(files.size(), threads, [&](std::size_t i) {
        plain[i] = false;
        failures.watch(i, [&] { plain[i] = is_plain(files[i], sizes + 2 * i, checks); }, [] {});
    });
    return failures.sorted();
}

}  // namespace fastdata

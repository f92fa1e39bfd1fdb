#include "orientation.h"

#include <cmath>
#include <cstring>
#include <initializer_list>
#include <string_view>

namespace fastdata {

namespace {

constexpr unsigned kOrientationTag = 0x0112;
// Bytes of one value of each TIFF type, 0 where there is no such type.
constexpr int kTypeBytes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8};

std::string_view text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

int valid(double value) { return value >= 1 && value <= 8 ? static_cast<int>(value) : 1; }

/// A TIFF block; the caller checks that what it asks for lies inside.
class Tiff {
  public:
    Tiff(Bytes bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

    bool holds(std::uint64_t at, std::uint64_t count) const {
        return at <= bytes_.size && count <= bytes_.size - at;
    }

    std::uint64_t whole(std::uint64_t at, int count) const {
        std::uint64_t value = 0;
        for (int i = 0; i < count; ++i)
            value = value << 8 | bytes_.data[at + (big_endian_ ? i : count - 1 - i)];
        return value;
    }

    template <class Float, class Word>
    double real(std::uint64_t at) const {
        const Word word = static_cast<Word>(whole(at, sizeof(Word)));
        Float value;
        std::memcpy(&value, &word, sizeof value);
        return value;
    }

    std::uint64_t size() const { return bytes_.size; }

  private:
    Bytes bytes_;
    bool big_endian_;
};

/// 0 for a fraction of denominator 0.
int fraction(double above, double below) {
    if (below == 0) return 0;
    const double value = above / below;
    return value == std::floor(value) ? valid(value) : 1;
}

/// The orientation stored as a value of TIFF type `type` at byte `at`.
int number(const Tiff& tiff, unsigned type, std::uint64_t at) {
    switch (type) {
        case 3:
        case 4:
        case 13:
        case 16:
            return valid(static_cast<double>(tiff.whole(at, kTypeBytes[type])));
        case 6:
            return valid(static_cast<std::int8_t>(tiff.whole(at, 1)));
        case 8:
            return valid(static_cast<std::int16_t>(tiff.whole(at, 2)));
        case 9:
            return valid(static_cast<std::int32_t>(tiff.whole(at, 4)));
        case 5:
            return fraction(tiff.whole(at, 4), tiff.whole(at + 4, 4));
        case 10:
            return fraction(static_cast<std::int32_t>(tiff.whole(at, 4)),
                            static_cast<std::int32_t>(tiff.whole(at + 4, 4)));
        case 11:
            return fraction(tiff.real<float, std::uint32_t>(at), 1);
        case 12:
            return fraction(tiff.real<double, std::uint64_t>(at), 1);
        default:  // Bytes, text and undefined data are no numbers.
            return 1;
    }
}

int directory_orientation(const Tiff& tiff) {
    const std::uint64_t start = tiff.whole(4, 4);
    if (!tiff.holds(start, 2)) return 0;
    const std::uint64_t count = tiff.whole(start, 2);
    std::uint64_t outside = 0;
    for (std::uint64_t entry = start + 2; entry < start + 2 + 12 * count; entry += 12) {
        if (!tiff.holds(entry, 12)) return 0;
        const auto tag = static_cast<unsigned>(tiff.whole(entry, 2));
        const auto type = static_cast<unsigned>(tiff.whole(entry + 2, 2));
        const std::uint64_t length = tiff.whole(entry + 4, 4);
        if (type >= sizeof kTypeBytes / sizeof *kTypeBytes || !kTypeBytes[type]) continue;
        const std::uint64_t nbytes = length * static_cast<unsigned>(kTypeBytes[type]);
        std::uint64_t at = entry + 8;
        if (nbytes > 4) {
            at = tiff.whole(entry + 8, 4);
            outside += nbytes;
            if (outside > tiff.size()) continue;
            if (at + nbytes > tiff.size()) return 0;
        }
        if (tag == kOrientationTag && length) return number(tiff, type, at);
    }
    return 0;
}

}  // namespace

int exif_orientation(Bytes exif) {
    constexpr std::string_view prefix("Exif\0\0", 6);
    for (int i = 0; i < 2 && text(exif).substr(0, 6) == prefix; ++i)
        exif = {exif.data + 6, exif.size - 6};
    if (exif.size < 8) return 0;
    const std::string_view magic = text(exif).substr(0, 4);
    for (const std::string_view known :
         {std::string_view("II*\0", 4), std::string_view("II\0*", 4), std::string_view("MM\0*", 4),
          std::string_view("MM*\0", 4), std::string_view("MM\0+", 4)})
        if (magic == known) return directory_orientation(Tiff(exif, magic[0] == 'M'));
    return 0;
}

int xmp_orientation(Bytes xmp) {
    constexpr std::string_view name = "tiff:Orientation";
    const std::string_view packet = text(xmp);
    for (std::size_t at = packet.find(name); at != packet.npos; at = packet.find(name, at + 1)) {
        std::string_view rest = packet.substr(at + name.size());
        if (rest.substr(0, 2) == "=\"")
            rest.remove_prefix(2);
        else if (rest.substr(0, 1) == ">")
            rest.remove_prefix(1);
        else
            continue;
        if (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') return valid(rest[0] - '0');
    }
    return 0;
}

}  // namespace fastdata
